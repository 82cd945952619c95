import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

// Child processes, their threads and the programs of the suite are entries of their own: they are started by their paths.
const children = { 'runner-child': 'src/children/runner-child.ts', 'watch-parent': 'src/children/watch-parent.ts' }
const suite = { 'conformance/index': 'src/conformance/index.ts', 'conformance/agents': 'src/conformance/agents.ts' }
const driver = { 'conformance/driver': 'src/conformance/driver.ts' }
const config: UserConfig = { ...baseConfig, entry: { index: 'src/index.ts', ...children, ...suite, ...driver } }
export default config
