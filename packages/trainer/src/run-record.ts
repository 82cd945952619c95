import type { JsonValue, LightningStore, Logger, RunEvent, RunState } from '@agl/types'
import { isMissingPackage, missingPackage } from './optional-package.ts'

/** What a trainer keeps of a run. */
export interface RunRecord {
  readonly state: RunState
  report(event: RunEvent): void
  /** @param error null = it ended well. Never rejects. */
  end(error: unknown): Promise<void>
}

/**
 * The record of a run in the store, by `openRun` of `@agl/algorithms`. Where that package is not installed nothing is kept, unless the
 * run has a name by which it is to be found again.
 */
export async function openRecord(request: {
  readonly store: LightningStore
  readonly name: string
  readonly runId: string
  /** Whether the user has chosen the id. */
  readonly isNamed: boolean
  readonly logger: Logger
}): Promise<RunRecord> {
  const { isNamed, ...options } = request
  try {
    const { openRun } = await import('@agl/algorithms')
    return await openRun(options)
  } catch (error) {
    if (!isMissingPackage(error, '@agl/algorithms')) throw error
    if (isNamed) throw missingPackage('@agl/algorithms', 'What keeps a run', error)
    return forgetful()
  }
}

/** Of a dry run: it ends with the process. */
export function forgetful(): RunRecord {
  const values = new Map<string, JsonValue>()
  return {
    state: {
      load: async (key) => values.get(key),
      save: async (key, value) => void values.set(key, structuredClone(value)),
    },
    report: () => {},
    end: async () => {},
  }
}
