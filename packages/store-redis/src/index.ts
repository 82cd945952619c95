export { createRedisStore, type RedisStore } from './create-redis-store.ts'
export { inspectRedisStore } from './inspect/inspect.ts'
export {
  type InspectedServer,
  type Invariant,
  invariants,
  type KeyKind,
  type KindOfKeys,
  type RedisInspection,
  type Violation,
} from './inspect/inspection.ts'
export {
  inspectRedisStoreDefaults,
  type InspectRedisStoreOptions,
  redisStoreDefaults,
  type RedisStoreOptions,
} from './options.ts'
