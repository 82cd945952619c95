import { AglError, type EnqueueRolloutRequest, type PageRequest } from '@agl/types'

/**
 * A path with ids in it: `` path`/rollouts/${id}` ``.
 * @throws AglError `invalid_argument` for `.` and `..`, which URLs take for steps
 */
export function path(parts: TemplateStringsArray, ...ids: readonly string[]): string {
  let built = parts[0]!
  for (const [index, id] of ids.entries()) {
    if (id === '.' || id === '..') {
      throw new AglError({
        code: 'invalid_argument',
        message: `The id "${id}" cannot be asked for over HTTP, where it is a step in a path; choose another id.`,
      })
    }
    built += encodeURIComponent(id) + parts[index + 1]!
  }
  return built
}

/** Whether there may be something with this id behind a path; the others name nothing, and reads answer so. */
export function isRoutable(id: string): boolean {
  return id !== '' && id !== '.' && id !== '..'
}

/** `sortBy` as `sort_by`. What is undefined is left out; values stay as they are. */
export function toWire(request: object): Readonly<Record<string, unknown>> {
  const entries = Object.entries(request).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries.map(([key, value]) => [wireName(key), value]))
}

function wireName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

export function secondsOf(milliseconds: number): number {
  return milliseconds / 1000
}

/** An empty page, for what cannot be there. */
export function emptyPage({ limit = -1, offset = 0 }: PageRequest<string>): {
  readonly items: readonly never[]
  readonly limit: number
  readonly offset: number
  readonly total: number
} {
  return { items: [], limit, offset, total: 0 }
}

/**
 * A new rollout that may be sent twice: with an id when it has neither an id nor a key.
 * An id, not a key: a record shows its key, and nobody gave one.
 */
export function named(request: EnqueueRolloutRequest, drawId: () => string): EnqueueRolloutRequest {
  return request.rollout_id == null && request.idempotency_key == null ? { ...request, rollout_id: drawId() } : request
}
