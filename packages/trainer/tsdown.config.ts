import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

// Child processes, their threads and the programs of the suite are entries of their own: they are started by their paths, which are
// told from where the build has put those that start them, so that all of it lies in one folder.
const children = { 'runner-child': 'src/children/runner-child.ts', 'watch-parent': 'src/children/watch-parent.ts' }
const suite = ['agents', 'driver'].map((name) => [name, `src/conformance/${name}.ts`])
const entry = {
  index: 'src/index.ts',
  config: 'src/config/index.ts',
  conformance: 'src/conformance/index.ts',
  ...children,
  ...Object.fromEntries(suite),
}
export default { ...baseConfig, entry } satisfies UserConfig as UserConfig
