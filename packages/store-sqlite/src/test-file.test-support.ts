import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AttemptedRollout, NewSpan } from '@agl/types'

/** Where the system has a file system in memory: hundreds of new databases otherwise wait for the disk most of the time. */
const memoryFolder = '/dev/shm'

/** A path for a database in a folder of its own. */
export function createTestFile(): { readonly file: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), 'agl-store-sqlite-'))
  return { file: join(folder, 'store.db'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

let spans = 0

/** A valid span of an attempt, with an id of its own in this process. */
export function spanOf(claimed: AttemptedRollout, fields: Partial<NewSpan> = {}): NewSpan {
  return {
    rollout_id: claimed.rollout_id,
    attempt_id: claimed.attempt.attempt_id,
    trace_id: 'trace',
    span_id: `span-${++spans}`,
    parent_id: null,
    name: 'step',
    status: { status_code: 'OK', description: null },
    attributes: { answer: 42 },
    events: [],
    links: [],
    start_time: 1,
    end_time: 2,
    context: null,
    parent: null,
    resource: { attributes: {}, schema_url: '' },
    ...fields,
  }
}
