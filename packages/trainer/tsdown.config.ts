import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

// What is started by its path (child processes, their threads, programs of the suite) is an entry, in the folder of whoever starts it.
const subpaths = { index: 'src/index.ts', config: 'src/config/index.ts', conformance: 'src/conformance/index.ts' }
const children = { 'runner-child': 'src/children/runner-child.ts', watchdog: 'src/children/watchdog.ts' }
const suite = { agents: 'src/conformance/agents.ts', driver: 'src/conformance/driver.ts' }
export default { ...baseConfig, entry: { ...subpaths, ...children, ...suite } } satisfies UserConfig as UserConfig
