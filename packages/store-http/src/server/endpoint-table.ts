import type { IncomingMessage, ServerResponse } from 'node:http'
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

/** Paths as a tree of their segments. */
interface Node {
  readonly next: Map<string, Node>
  /** Under what stands for any segment. */
  any: Node | null
  readonly endpoints: Map<string, { readonly endpoint: Endpoint; readonly names: readonly string[] }>
}

const createNode = (): Node => ({ next: new Map(), any: null, endpoints: new Map() })

/** What a parameter may be to be found here: it needs no decoding, and no reader of URLs takes it for anything else. */
const plainSegment = /^[\w~:@-][\w.~:@-]*$/

/**
 * Finds endpoints by a walk along the segments of a path: a router that asks one pattern after the other costs more than all
 * else that is done for a small request. It need not find everything: what is written in an unusual way (escapes, a slash at the
 * end) is left to the router, which knows the same endpoints.
 */
export function createEndpointTable(
  endpoints: readonly Endpoint[],
): (method: string, url: string) => { readonly endpoint: Endpoint; readonly params: PathParams } | null {
  const root = createNode()
  for (const endpoint of endpoints) {
    const names: string[] = []
    let node = root
    for (const segment of endpoint.path.slice(1).split('/')) {
      if (segment.startsWith(':')) {
        names.push(segment.slice(1))
        node = node.any ??= createNode()
      } else {
        const next = node.next.get(segment) ?? createNode()
        node.next.set(segment, next)
        node = next
      }
    }
    // As a router does it, the first of two counts.
    if (!node.endpoints.has(endpoint.method)) node.endpoints.set(endpoint.method, { endpoint, names })
  }

  return (method, url) => {
    const mark = url.indexOf('?')
    const end = mark === -1 ? url.length : mark
    if (url.charCodeAt(0) !== slash) return null
    const values: string[] = []
    let node = root
    for (let start = 1; start <= end;) {
      const stop = url.indexOf('/', start)
      const segmentEnd = stop === -1 || stop > end ? end : stop
      const segment = url.slice(start, segmentEnd)
      const next = node.next.get(segment)
      if (next !== undefined) node = next
      else if (node.any !== null && plainSegment.test(segment)) {
        values.push(segment)
        node = node.any
      } else return null
      start = segmentEnd + 1
    }
    const found = node.endpoints.get(method)
    if (found === undefined) return null
    const params: Record<string, string> = {}
    for (let index = 0; index < values.length; index++) params[found.names[index]!] = values[index]!
    return { endpoint: found.endpoint, params }
  }
}

const slash = 0x2f
