import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

const config: UserConfig = {
  ...baseConfig,
  entry: ['src/index.ts', 'src/spans/index.ts', 'src/thresholds/index.ts', 'src/wire/index.ts'],
}
export default config
