import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LightningStore, Logger } from '@agl/types'
import type { z } from 'zod'
import type { Action, AttemptName, Identity } from './auth/index.ts'
import type { KeyedClaims } from './keyed-claims.ts'
import type { OwnPlaces } from './numbers.ts'

/** One request as routes see it. */
export interface Call<Body = unknown, Query = unknown> {
  readonly store: LightningStore
  /** What it is called here. */
  readonly storeName: string
  readonly logger: Logger
  readonly identity: Identity
  /** Whether a client of ours asks: it gets whole records and our answers. */
  readonly isOurs: boolean
  /** A token that opens one attempt for its agent; null where everybody may do everything. */
  readonly mintToken: ((attempt: AttemptName) => string) | null
  /** From the path, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  /** Undefined when the request has none, or `null`. */
  readonly body: Body
  readonly idempotencyKey: string | undefined
  header(name: string): string | undefined
  /** Aborted when the client is gone or the server closes; for calls that are parked. */
  readonly signal: () => AbortSignal
  /** The longest that a call of ours is parked, in milliseconds. */
  readonly maxWaitMs: number
  readonly keyedClaims: KeyedClaims
  /** How many rows of a list are read from the store at a time. */
  readonly maxPageSize: number
  /** For routes that stream: those that take a body as it comes, or answer bit by bit and then answer nothing here. */
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Headers of the answer. */
  setHeader(name: string, value: string): void
}

/** What a route answers: a value for its success status, or nothing when it has written the answer itself. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the prefix, with `:name` for parameters. */
  readonly path: string
  /** What the caller must be allowed to do; null = anybody. */
  readonly action: Action | null
  readonly status?: number
  /** Of the body; absent when the route takes none. */
  readonly body?: z.ZodType
  /** Whether the body may be left out, or be `null`. */
  readonly isBodyOptional?: boolean
  readonly query?: z.ZodType
  /**
   * What becomes of numbers that JavaScript or JSON cannot say. A list: where values lie that are kept as the text that they
   * came as. `attributes`: odd ones stay, and whole numbers beyond doubles become text. Default: null in the place of odd ones.
   */
  readonly numbers?: 'attributes' | OwnPlaces
  /** For the API's description. */
  readonly summary: string
  readonly answer?: z.ZodType
  /** Of the body, where what checks it cannot be described. */
  readonly describedBody?: z.ZodType
  /** Where bodies or answers are no JSON: their content type. */
  readonly contentType?: string
  readonly handle: (call: Call) => unknown
  /** Called when the answer could not be written: the caller is gone. */
  readonly onLost?: (call: Call, answer: unknown) => Promise<void>
}

/** A route with the types of its schemas. */
export function route<Body extends z.ZodType = z.ZodUndefined, Query extends z.ZodType = z.ZodUndefined>(definition: {
  readonly method: Route['method']
  readonly path: string
  readonly action: Action | null
  readonly status?: number
  readonly body?: Body
  readonly isBodyOptional?: boolean
  readonly query?: Query
  readonly numbers?: Route['numbers']
  readonly summary: string
  readonly answer?: z.ZodType
  readonly describedBody?: z.ZodType
  readonly contentType?: string
  readonly handle: (call: Call<z.output<Body>, z.output<Query>>) => unknown
  readonly onLost?: (call: Call, answer: unknown) => Promise<void>
}): Route {
  return definition as unknown as Route
}
