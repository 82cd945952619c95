import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

// The thread of the heartbeat is an entry of its own: it is started by URL.
const config: UserConfig = {
  ...baseConfig,
  entry: { index: 'src/index.ts', 'heartbeat-thread': 'src/heartbeat/heartbeat-thread.ts' },
}
export default config
