export { createSqliteStore, type SqliteStore } from './create-sqlite-store.ts'
export { sqliteStoreDefaults, type SqliteStoreOptions } from './options.ts'
