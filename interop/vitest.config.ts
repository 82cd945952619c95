import { fileURLToPath } from 'node:url'
import { defaultServerConditions } from 'vite'
import type { ViteUserConfig } from 'vitest/config'

/** Apart from the other tests: these need PyPI once, and some of them wait for seconds as the Python package does. */
const config: ViteUserConfig = {
  root: fileURLToPath(new URL('..', import.meta.url)),
  ssr: { resolve: { conditions: ['@agl/source', ...defaultServerConditions] } },
  test: {
    name: 'interop',
    include: ['interop/*.test.ts'],
    setupFiles: ['./vitest.setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
}
export default config
