export { placeholder, type PresentRule } from './laws.ts'
export { noTask } from './critic.ts'
export {
  createModels,
  modelDefaults,
  type ModelCall,
  type ModelName,
  type ModelOptions,
  type ModelReply,
  type Models,
  type ModelUse,
} from './models.ts'
export { worldDefaults, type WorldOptions, type WorldSettings } from './options.ts'
export type { Rule, Wording } from './rules.ts'
export { startWorldServer, type WorldServer } from './server.ts'
export { gradedRewardOf, rewardOf, type Task } from './tasks.ts'
export { createWorld, type ScoredPrompt, type World } from './world.ts'
