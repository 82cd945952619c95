import type { IncomingMessage, ServerResponse } from 'node:http'
import createRouter from 'find-my-way'
import type { Route } from './route.ts'

/** From a path, decoded. */
export type PathParams = Readonly<Record<string, string>>

/** What answers one method at one path. */
export interface Endpoint {
  readonly method: Route['method']
  /** Whole, with `:name` for parameters. */
  readonly path: string
  readonly answer: (request: IncomingMessage, response: ServerResponse, params: PathParams) => Promise<void>
}

/** Far beyond the ids that stores take; a longer one is left to express. */
const longestParam = 2000

/**
 * Finds endpoints by a tree of their paths: express' router, which asks one pattern after the other, costs more than all else
 * that is done for a small request. It need not find everything: what is asked in an unusual way (a slash at the end, what
 * cannot be decoded) is left to express, which knows the same endpoints.
 */
export function createEndpointTable(
  endpoints: readonly Endpoint[],
): (method: string, url: string) => { readonly endpoint: Endpoint; readonly params: PathParams } | null {
  const router = createRouter({ maxParamLength: longestParam })
  for (const endpoint of endpoints) router.on(endpoint.method, endpoint.path, () => {}, endpoint)
  return (method, url) => {
    const found = router.find(method as Route['method'], url)
    if (found === null || found.store === null) return null
    const params = found.params as PathParams
    // A slash at the end is no empty name.
    for (const name in params) if (params[name] === '') return null
    return { endpoint: found.store as Endpoint, params }
  }
}
