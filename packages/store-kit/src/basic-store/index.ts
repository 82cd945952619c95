export { type BasicStoreOptions, createBasicStore } from './basic-store.ts'
export type { RecordStorage, StorageChange } from './storage.ts'
