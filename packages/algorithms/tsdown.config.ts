import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

const config: UserConfig = { ...baseConfig, entry: { index: 'src/index.ts', jobs: 'src/jobs/index.ts' } }
export default config
