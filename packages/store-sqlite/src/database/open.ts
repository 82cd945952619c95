import { setTimeout as sleep } from 'node:timers/promises'
import { migrations } from '../migrations/index.ts'
import { type Database, openDatabase } from './database.ts'
import { isBusy, lockedTooLong, translateError } from './errors.ts'
import { checkFile, migrate } from './migrate.ts'

/** How the file is opened. */
export interface FileOptions {
  readonly file: string
  readonly durability: 'full' | 'normal'
  readonly busyTimeoutMs: number
}

/** How long a statement may block the thread while others hold the file; after it the call waits without blocking. */
const blockMs = 2

const retryMs = 5

/**
 * Opens the file, makes it a store of the newest schema if need be, and sets it up. Waits without blocking while another
 * process does the same.
 * @throws AglError `invalid_argument` for what is no store, `timeout` when the file stays locked, `database_corrupt`
 */
export async function openStoreFile(options: FileOptions): Promise<Database> {
  const start = performance.now()
  for (;;) {
    try {
      return openOnce(options)
    } catch (error) {
      if (!isBusy(error)) throw translateError(error, options.file)
      const waited = performance.now() - start
      if (waited >= options.busyTimeoutMs) throw lockedTooLong(options.file, waited)
    }
    await sleep(retryMs)
  }
}

function openOnce({ file, durability }: FileOptions): Database {
  const database = openDatabase(file, { timeoutMs: blockMs })
  try {
    // Before the first write, which changing the journal mode is.
    checkFile(database, file, migrations.length)
    // The journal mode is kept in the file, the others are of this connection.
    database.get('PRAGMA journal_mode = WAL')
    database.execute(`
      PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'};
      PRAGMA cache_size = -65536;
      PRAGMA temp_store = MEMORY;
      PRAGMA journal_size_limit = 67108864;
    `)
    migrate(database, file, migrations)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}
