import type { UserConfig } from 'tsdown'
import { baseConfig } from '../../tsdown.base.ts'

// A bridge is an entry of its own: who does not use a framework loads nothing for it.
const entry = ['src/index.ts', 'src/bridges/langchain.ts', 'src/bridges/openai-agents.ts']
const config: UserConfig = { ...baseConfig, entry }
export default config
