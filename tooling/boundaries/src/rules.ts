/** What the sources of one package may import from the others. */
export interface Arrows {
  /** Anywhere. */
  readonly always: readonly string[]
  /** With `import()` on use, or as types, and only as an optional peer: whoever does not use the feature does not install it. */
  readonly onUse?: readonly string[]
}

/** Everything may be imported. */
const any = 'any'

/**
 * The arrows between the packages, by folder under `packages/`. Apps and examples may import any package.
 *
 * Test files (`*.test.ts`, `*.test-support.ts`), benchmarks and scripts are free of these arrows: they may import any package that is in their
 * `devDependencies`, as long as no cycle of packages comes of it (nothing could then be built first).
 */
export const arrows: Readonly<Record<string, Arrows | typeof any>> = {
  types: { always: [] },
  'store-kit': { always: ['types'] },
  'store-memory': { always: ['types', 'store-kit'] },
  'store-sqlite': { always: ['types', 'store-kit'] },
  'store-redis': { always: ['types', 'store-kit'] },
  'store-http': { always: ['types', 'store-kit'] },
  'model-calls': { always: ['types'] },
  prompts: { always: ['types'] },
  'tracer-otel': { always: ['types', 'model-calls'] },
  'llm-proxy': { always: ['types', 'model-calls'] },
  'embedded-model': { always: ['types'] },
  runner: { always: ['types', 'prompts'] },
  algorithms: { always: ['types', 'model-calls', 'prompts'] },
  trainer: {
    always: ['types', 'runner', 'store-memory'],
    onUse: ['store-sqlite', 'store-redis', 'store-http', 'tracer-otel', 'llm-proxy', 'embedded-model', 'algorithms'],
  },
  cli: any,
  dashboard: { always: [] },
}

/**
 * Packages are silent and read no environment, except these files (relative to `packages/`; a folder ends in `/`). The trainer passes
 * on what agents in child processes write, which is their users'.
 */
export const mayWriteToConsole: readonly string[] = ['cli/src/', 'trainer/src/children/output-tail.ts']
export const mayReadEnvironment: readonly string[] = [
  'cli/src/',
  'trainer/src/environment.ts',
  // Passes it on to the programs that it starts.
  'runner/src/agents/command/environment.ts',
]

/** Longest allowed tsconfig.json and tsdown.config.ts of a package: they extend the root's and add what is special. */
export const longestConfig = 10
