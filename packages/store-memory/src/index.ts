export { createMemoryStore } from './create-memory-store.ts'
export { memoryStoreDefaults, type MemoryStoreOptions } from './options.ts'
