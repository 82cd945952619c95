import type { UserConfig } from 'tsdown'

/** What every package's build shares: ESM for Node 22, declarations by oxc, nothing bundled. */
export const baseConfig: UserConfig = {
  entry: ['src/index.ts'],
  format: ['esm'],
  platform: 'node',
  target: 'node22',
  dts: { oxc: true, sourcemap: true },
  sourcemap: true,
  clean: true,
  // `platform: 'node'` would otherwise emit .mjs.
  fixedExtension: false,
  // A dependency listed only under devDependencies would be bundled with a mere hint.
  deps: { onlyBundle: [] },
  failOnWarn: true,
}
