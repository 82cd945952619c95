import { createMemoryStore } from '@agl/store-memory'
import type * as sqlite from '@agl/store-sqlite'
import type { AttemptedRollout, LightningStore } from '@agl/types'
import { NotAvailable } from '../lib/scenario.ts'

/** The stores that scenarios ask for by name, also from another process. */
export type StoreKind = 'memory' | 'sqlite'

/** @throws NotAvailable where there is no SQLite */
export async function openStore(kind: StoreKind, file: string): Promise<LightningStore> {
  if (kind === 'memory') return createMemoryStore({ retention: { maxBytes: null } })
  return (await loadSqlite()).createSqliteStore({ file })
}

/** @throws NotAvailable where there is no SQLite: `node:sqlite` is younger than the oldest Node that the other stores run on */
export async function loadSqlite(): Promise<Pick<typeof sqlite, 'createSqliteStore'>> {
  try {
    return await import('@agl/store-sqlite')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'ERR_UNKNOWN_BUILTIN_MODULE') throw error
    throw new NotAvailable('@agl/store-sqlite cannot be loaded', { cause: error })
  }
}

/** A place for spans. */
export interface AttemptKey {
  readonly rolloutId: string
  readonly attemptId: string
}

/** As many rollouts claimed as are added to the queue; which of those in it is up to the store. */
export async function claimNew(store: LightningStore, count: number): Promise<readonly AttemptKey[]> {
  const rollouts = Array.from({ length: count }, (_, index) => ({ input: { task: index } }))
  const keys: AttemptKey[] = []
  for (let start = 0; start < count; start += batch) {
    const added = await store.enqueueManyRollouts({ rollouts: rollouts.slice(start, start + batch) })
    const claimed = await store.dequeueManyRollouts({ limit: added.length, workerId: 'setup' })
    keys.push(...claimed.map(keyOf))
  }
  return keys
}

export function keyOf({ rollout_id: rolloutId, attempt }: AttemptedRollout): AttemptKey {
  return { rolloutId, attemptId: attempt.attempt_id }
}

const batch = 1000
