import { AglError } from '@agl/types'
import type { Database } from './database.ts'

/** "AGLS" in ASCII: tells our files from other SQLite databases. */
export const applicationId = 0x41474c53

interface Found {
  readonly application: number
  readonly version: number
  readonly tables: number
}

/** In one transaction: another process may make the store between two reads. */
function look(database: Database): Found {
  if (database.isInTransaction) return readFound(database)
  database.execute('BEGIN')
  try {
    return readFound(database)
  } finally {
    if (database.isInTransaction) database.execute('COMMIT')
  }
}

function readFound(database: Database): Found {
  const { application_id: application } = database.get<{ application_id: number }>('PRAGMA application_id')!
  const { user_version: version } = database.get<{ user_version: number }>('PRAGMA user_version')!
  const { tables } = database.get<{ tables: number }>('SELECT count(*) AS tables FROM sqlite_schema')!
  return { application, version, tables }
}

/**
 * Refuses what is not ours to write to.
 * @throws AglError `invalid_argument` for a foreign database or a newer schema
 */
export function checkFile(database: Database, file: string, newest: number): void {
  check(look(database), file, newest)
}

/**
 * Brings the file to the newest schema, each step in a transaction of its own, so that a file is never between two
 * versions. Nothing is written to a file that is not ours or is up to date. Another process may do the same meanwhile:
 * the version is read again under the write lock.
 * @param migrations the entry at index n leads from version n to n + 1
 * @throws AglError `invalid_argument` for a foreign database or a newer schema
 */
export function migrate(database: Database, file: string, migrations: readonly string[]): void {
  checkFile(database, file, migrations.length)
  while (look(database).version < migrations.length) {
    database.execute('BEGIN IMMEDIATE')
    try {
      const found = look(database)
      check(found, file, migrations.length)
      const step = migrations[found.version]
      if (step !== undefined) {
        database.execute(step)
        database.execute(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${found.version + 1}`)
      }
      database.execute('COMMIT')
    } catch (error) {
      if (database.isInTransaction) database.execute('ROLLBACK')
      throw error
    }
  }
}

function check({ application, version, tables }: Found, file: string, newest: number): void {
  if (tables === 0 && application === 0 && version === 0) return
  if (application !== applicationId) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected "${file}" to be a store of AGL or not to exist; found another program's SQLite database with ${tables} tables and indexes (application id ${application}).`,
      data: { file, application },
    })
  }
  if (version > newest) {
    throw new AglError({
      code: 'invalid_argument',
      message: `"${file}" has schema version ${version}, this @agl/store-sqlite knows versions up to ${newest}; update the package.`,
      data: { file, version, newest },
    })
  }
}
