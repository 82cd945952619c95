import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

// The worker is an entry of its own: `engine-client.ts` starts it by URL.
const config: UserConfig = { ...baseConfig, entry: ['src/index.ts', 'src/server/index.ts', 'src/worker.ts'] }
export default config
