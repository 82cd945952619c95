import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

// Child processes and the programs of the suite are entries of their own: they are started by their paths.
const conformance = Object.fromEntries(
  ['index', 'agents', 'driver'].map((name) => [`conformance/${name}`, `src/conformance/${name}.ts`]),
)
const entry = { index: 'src/index.ts', 'runner-child': 'src/children/runner-child.ts', ...conformance }
const config: UserConfig = { ...baseConfig, entry }
export default config
