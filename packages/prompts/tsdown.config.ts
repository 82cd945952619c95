import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

const config: UserConfig = { ...baseConfig }
export default config
