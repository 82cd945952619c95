export { createRedisStore, type RedisStore } from './create-redis-store.ts'
export { redisStoreDefaults, type RedisStoreOptions } from './options.ts'
