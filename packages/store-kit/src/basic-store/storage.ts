import type { JsonValue } from '@agl/types'

/** What a basic store writes: a record under its key, or null for none any more. */
export type StorageChange = readonly [key: string, value: JsonValue | null]

/**
 * Where a basic store keeps its records: anything that holds JSON under keys. All records are read once, when the store is
 * made; after that the store only writes.
 */
export interface RecordStorage {
  /** All records, in the order in which their keys were first written. */
  read(): Iterable<readonly [key: string, value: JsonValue]>
  /** Keeps all of the changes or, if it throws, none; the call of the store is answered afterwards. */
  write(changes: readonly StorageChange[]): void
  close?(): void | Promise<void>
}
