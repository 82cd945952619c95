import { defaultServerConditions } from 'vite'
import type { ViteUserConfig } from 'vitest/config'

/** One project per kind of package. Root resolve conditions are not inherited, hence `extends: true` with inline projects. */
const config: ViteUserConfig = {
  ssr: { resolve: { conditions: ['@agl/source', ...defaultServerConditions] } },
  test: {
    projects: ['packages', 'apps', 'examples', 'tooling', 'bench'].map((kind) => ({
      extends: true as const,
      test: {
        name: kind,
        include: [kind === 'bench' ? 'bench/**/*.test.ts' : `${kind}/*/src/**/*.test.ts`],
        setupFiles: ['./vitest.setup.ts'],
      },
    })),
    testTimeout: 20_000,
  },
}
export default config
