import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where the system has a file system in memory: hundreds of new databases otherwise wait for the disk most of the time. */
const memoryFolder = '/dev/shm'

/** A path for a database in a folder of its own. */
export function createTestFile(): { readonly file: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), 'agl-store-sqlite-'))
  return { file: join(folder, 'store.db'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}
