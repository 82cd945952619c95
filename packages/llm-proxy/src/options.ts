import { childLogger, implementing, type Logger, parseOptions, parseOrThrow, type ProxiedModel, silentLogger } from '@agl/types'
import { z } from 'zod'

export interface LlmProxyOptions {
  /** Address to listen on. The default is reachable from this machine only. */
  readonly host?: string
  /** Port to listen on; 0 = any free one. */
  readonly port?: number
  /** The routing table at the start. */
  readonly models?: readonly ProxiedModel[]
  /** Largest request body in bytes, at least 1,024. */
  readonly maxBodyBytes?: number
  /** Longest time of one call to a backend in milliseconds. */
  readonly upstreamTimeoutMs?: number
  readonly logger?: Logger
}

/** The defaults of {@link LlmProxyOptions}. */
export const llmProxyDefaults: Readonly<Required<Omit<LlmProxyOptions, 'logger'>>> = Object.freeze({
  host: '127.0.0.1',
  port: 0,
  models: Object.freeze([]),
  maxBodyBytes: 32 * 1024 * 1024,
  upstreamTimeoutMs: 300_000,
})

const modelsSchema: z.ZodType<readonly ProxiedModel[]> = z.array(
  z.strictObject({
    name: z.string().min(1),
    endpoint: z.url({ protocol: /^https?$/ }),
    model: z.string().min(1).exactOptional(),
    apiKey: z.string().nullable().exactOptional(),
    tokenIds: z.boolean().exactOptional(),
  }),
)

const optionsSchema = z.strictObject({
  host: z.string().min(1).optional(),
  port: z.int().min(0).max(65_535).optional(),
  models: modelsSchema.optional(),
  maxBodyBytes: z.int().min(1024).optional(),
  upstreamTimeoutMs: z.number().positive().optional(),
  logger: implementing<Logger>('a logger', 'info', 'error').optional(),
})

export function resolveOptions(options: LlmProxyOptions): Required<LlmProxyOptions> {
  const resolved = parseOptions(
    optionsSchema,
    options,
    { ...llmProxyDefaults, logger: silentLogger },
    'options of createLlmProxy',
  )
  return { ...resolved, logger: childLogger(resolved.logger, 'gateway') }
}

/** Name → backend. */
export type RoutingTable = ReadonlyMap<string, ProxiedModel>

/** @throws AglError `invalid_argument` for a malformed or repeated entry */
export function createRoutingTable(models: readonly ProxiedModel[]): RoutingTable {
  const unique = modelsSchema.refine((list) => new Set(list.map(({ name }) => name)).size === list.length, {
    error: 'two models have the same name',
  }) as z.ZodType<readonly ProxiedModel[]>
  return new Map(parseOrThrow(unique, models, 'models of the gateway').map((model) => [model.name, model]))
}
