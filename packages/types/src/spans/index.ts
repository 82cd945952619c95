/** Pure readers and builders over spans. */
export { indexedGroups, toIndexedAttributes } from './attributes.ts'
export { buildSpan, type SpanCore } from './build.ts'
export { type OtelAttributes, type OtelSpan, type OtelSpanContext, type OtelTime, spanFromOtel } from './otel.ts'
export {
  findFinalReward,
  isRewardSpan,
  primaryReward,
  readReward,
  readRewardDimensions,
  type RewardDimension,
  rewardSpanName,
  rewardToAttributes,
} from './rewards.ts'
