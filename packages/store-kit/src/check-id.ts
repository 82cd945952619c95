import { AglError } from '@agl/types'

/*
 * Ids that callers choose (rollouts, resources, aliases, workers) become parts of HTTP routes, where `latest` and `search`
 * mean something else, and of keys in other stores.
 */

const longestId = 200
const reserved: ReadonlySet<string> = new Set(['latest', 'search', '.', '..'])

/** What is asked of an id; the end of a sentence that names it. */
export const routeSafeMessage: string = `expected 1 to ${longestId} characters without "/" and control characters, and not "latest", "search", "." or ".."`

/** Whether an id can be part of a route. */
export function isRouteSafe(id: string): boolean {
  if (id === '' || id.length > longestId || reserved.has(id)) return false
  for (let index = 0; index < id.length; index++) {
    const code = id.charCodeAt(index)
    if (code < 0x20 || code === 0x2f || (code >= 0x7f && code < 0xa0)) return false
  }
  return id.isWellFormed()
}

/** @param what names it in the message, for example `rollout_id` @throws AglError `invalid_argument` */
export function checkChosenId(id: string, what: string): void {
  if (isRouteSafe(id)) return
  throw new AglError({
    code: 'invalid_argument',
    message: `Invalid ${what} ${JSON.stringify(id.slice(0, longestId))}: ${routeSafeMessage}.`,
    data: { field: what },
  })
}
