import { randomUUID } from 'node:crypto'
import { type Ids, storeClosed } from '@agl/store-kit'
import { idempotencyHeader } from '../wire/paths.ts'
import type { LightningStore } from '@agl/types'
import type { Connection } from './connection.ts'
import { notSupportedByServer } from './errors.ts'
import type { ResolvedOptions } from './options.ts'
import type { Turns } from './turns.ts'

/** What a verb is asked. */
export type RequestOf<Verb extends keyof LightningStore> = LightningStore[Verb] extends (request: infer Request) => unknown
  ? Exclude<Request, undefined>
  : never

/** What the verbs of a client work with. */
export interface Client {
  readonly name: string
  readonly connection: Connection
  readonly options: ResolvedOptions
  readonly ids: Ids
  /** The longest that the server holds a request, in milliseconds. */
  readonly sliceMs: number
  /**
   * By rollout, on the Python server: a sign of life gives the rollout the status of its attempt there, so none may be under way, from the
   * look at the rollout on, while its status is set.
   */
  readonly turns: Turns
  isClosed: boolean
}

/** @throws AglError `closed` */
export function checkOpen(client: Client): void {
  if (client.isClosed) throw storeClosed(client.name)
}

/** The Python server lacks this. @throws AglError `not_supported_by_server` unless the server is one of ours */
export function needOurs(client: Client, verb: string, what: string = 'such verb'): void {
  if (!client.connection.isOurs) throw notSupportedByServer(what, verb, client.connection.pool.current().url)
}

/** The same for options: each that is given, by its name. */
export function needOursFor(client: Client, verb: string, options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && value !== null) needOurs(client, verb, `\`${name}\``)
  }
}

/**
 * The header that makes a write harmless when it comes twice: the caller's key, else one of this call.
 * @throws AglError `not_supported_by_server` for a key that the server would not keep
 */
export function keyHeader(client: Client, verb: string, key: string | undefined): Readonly<Record<string, string>> {
  needOursFor(client, verb, { idempotencyKey: key })
  return client.connection.isOurs ? { [idempotencyHeader]: encodeKey(key ?? randomUUID()) } : {}
}

/** A header carries visible ASCII only; what else a key may hold is percent-encoded, and so is the sign of that. */
function encodeKey(key: string): string {
  return key.replace(/[^\x21-\x24\x26-\x7e]+/g, (part) => encodeURIComponent(part))
}
