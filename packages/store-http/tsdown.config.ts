import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

const config: UserConfig = { ...baseConfig, entry: ['src/client/index.ts', 'src/metrics/index.ts', 'src/server/index.ts'] }
export default config
