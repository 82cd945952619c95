import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

const config: UserConfig = { ...baseConfig, entry: ['src/index.ts', 'src/main.ts'] }
export default config
