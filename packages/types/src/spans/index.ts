/** Pure readers and builders over spans. */
export { indexedGroups, toIndexedAttributes } from './attributes.ts'
export { buildSpan, type SpanCore, spanOfAttempt, traceIdOf } from './build.ts'
export { collectSpans, createEmitter, type EmitterHost, exceptionToAttributes } from './emitter.ts'
export { attributesUnder, flattenAttributes, type FlattenOptions, unflattenAttributes } from './flatten.ts'
export {
  isLinkedSpan,
  linksToAttributes,
  queryLinkedSpans,
  readLinks,
  readTags,
  type SpanLinkCondition,
  tagsToAttributes,
} from './links.ts'
export { objectToAttributes, readMessage, readObject } from './objects.ts'
export {
  type OtelAttributes,
  type OtelSpan,
  type OtelSpanContext,
  type OtelTime,
  spanContextFromOtel,
  spanFromOtel,
} from './otel.ts'
export {
  findFinalReward,
  findRewards,
  type FoundReward,
  isRewardSpan,
  primaryReward,
  readReward,
  readRewardDimensions,
  type RewardBearer,
  type RewardDimension,
  type RewardProblem,
  rewardSpanName,
  rewardToAttributes,
} from './rewards.ts'
