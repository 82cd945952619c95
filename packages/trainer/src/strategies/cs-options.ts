import { parseOptions } from '@agl/types'
import { z } from 'zod'
import { type Role, roles, withEnvironment } from '../environment.ts'
import { childDefaults, type ChildOptions, childOptionShapes } from './child-options.ts'

/** Who may do what at the server; as `AccessToken` of `@agl/store-http`, which only this strategy and `ipc` need. */
export interface ServerToken {
  readonly token: string
  readonly role: 'admin' | 'algorithm' | 'runner' | 'viewer'
  readonly name?: string
}

/** Options of the strategy `cs`. */
export interface CsOptions extends ChildOptions {
  readonly type?: 'cs'
  /**
   * What runs in this process: the algorithm with the store, beside runners that come and go from elsewhere (`algorithm`); runners
   * for an algorithm elsewhere (`runner`); or the algorithm with runners in child processes, and any from elsewhere (`both`).
   * Default: `AGL_CURRENT_ROLE`, else `both`.
   */
  readonly role?: Role
  /** Where the server listens, and where runners look for it. Default: `AGL_SERVER_HOST`, else 127.0.0.1. */
  readonly host?: string
  /** Default: `AGL_SERVER_PORT`, else 4747. 0 takes any free one, told to `onListening` and the logger. */
  readonly port?: number
  /** Runners of this process and its children; at least 1. Default: that of the trainer. */
  readonly nRunners?: number
  /**
   * Whether the store is served from here. When false, all sides use the store that they were given, one that they share anyway, and
   * only runners of this process hear when the run is over. Default: `AGL_MANAGED_STORE`, else true.
   */
  readonly managedStore?: boolean
  /** Who may reach the server; see `createStoreServer`. Needed for a host that is not this machine. */
  readonly tokens?: readonly ServerToken[]
  /** What runners elsewhere present to the server. */
  readonly token?: string
  /** Listens beyond this machine without tokens. Default: refused. */
  readonly allowUnauthenticated?: boolean
  /** Is told where the server listens, once it does. */
  readonly onListening?: (url: string) => void
  /** How long runners wait for a server that is not there yet, in milliseconds; at least 0. */
  readonly connectMs?: number
  /**
   * How long the server stays for runners elsewhere when the run is over, in milliseconds, so that they finish what they run: at
   * most so long, and then as long again for those that were told to stop.
   */
  readonly drainMs?: number
}

/** The defaults of {@link CsOptions}, where neither option nor environment says otherwise. */
export const csDefaults: Readonly<{
  role: Role
  host: string
  port: number
  managedStore: boolean
  connectMs: number
  drainMs: number
}> = Object.freeze({ role: 'both', host: '127.0.0.1', port: 4747, managedStore: true, connectMs: 60_000, drainMs: 10_000 })

/** Those that a file can hold, with what help tells of each. */
export const csOptionShapes: Readonly<Record<Exclude<keyof CsOptions, 'type' | 'onListening'>, z.ZodType>> = {
  role: z.enum(roles).optional().meta({ description: 'what runs in this process; AGL_CURRENT_ROLE', default: csDefaults.role }),
  host: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'where the server listens, or is; AGL_SERVER_HOST', default: csDefaults.host }),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .meta({ description: 'its port, 0 for any free one; AGL_SERVER_PORT', default: csDefaults.port }),
  nRunners: z.int().min(1).optional().meta({ description: 'runners of this process and its children' }),
  managedStore: z
    .boolean()
    .optional()
    .meta({ description: 'whether the store is served from here; AGL_MANAGED_STORE', default: csDefaults.managedStore }),
  tokens: z
    .array(
      z.strictObject({
        token: z.string().min(1).meta({ secret: true }),
        role: z.enum(['admin', 'algorithm', 'runner', 'viewer']),
        name: z.string().optional(),
      }),
    )
    .optional()
    .meta({ description: 'who may reach the server: { token, role, name }' }),
  token: z.string().min(1).optional().meta({ description: 'what runners elsewhere present to it', secret: true }),
  allowUnauthenticated: z.boolean().optional().meta({ description: 'listen beyond this machine without tokens', default: false }),
  connectMs: z
    .number()
    .min(0)
    .optional()
    .meta({ description: 'how long runners wait for a server that is not there yet', default: csDefaults.connectMs }),
  drainMs: z
    .number()
    .min(0)
    .optional()
    .meta({ description: 'how long the server stays for runners elsewhere when the run is over', default: csDefaults.drainMs }),
  ...childOptionShapes,
}

const optionsSchema = z.strictObject({
  ...csOptionShapes,
  type: z.literal('cs').optional(),
  onListening: z.custom((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
})

export type ResolvedCsOptions = CsOptions & typeof csDefaults & typeof childDefaults

/** What is not given comes from the environment, then from the defaults. */
export function resolveCsOptions(options: CsOptions): ResolvedCsOptions {
  const what = 'options of the strategy cs'
  parseOptions(optionsSchema, options, {}, what)
  return parseOptions(optionsSchema, withEnvironment(options), { ...csDefaults, ...childDefaults }, what)
}
