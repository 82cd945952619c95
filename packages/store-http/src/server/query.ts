import { rolloutModeSchema, rolloutStatusSchema, workerStatusSchema } from '@agl/types'
import { z } from 'zod'
import { badRequest } from './problems.ts'

/*
 * Pages and filters, in the two forms the reference has: repeatable parameters of a GET, and the same names as JSON of a
 * POST `…/search`. Unknown parameters are left aside, as there.
 */

/** A page and its filters, under the names of the wire. */
export type WireQuery = Readonly<Record<string, unknown>>

const integer = z.union([z.int(), z.stringFormat('integer', /^\s*[+-]?\d+\s*$/).transform(Number)])
const order = z.enum(['asc', 'desc'])
const logic = z.enum(['and', 'or'])

const page = {
  sort_by: z.string().nullish(),
  sort_order: order.nullish(),
  limit: integer.nullish(),
  offset: integer.nullish(),
}
const filters = { filter_logic: logic.nullish() }
const text = z.string().nullish()

const rolloutFilters = {
  ...filters,
  status_in: z.array(rolloutStatusSchema).nullish(),
  rollout_id_in: z.array(z.string()).nullish(),
  rollout_id_contains: text,
  mode_in: z.array(rolloutModeSchema).nullish(),
}
const workerFilters = { ...filters, status_in: z.array(workerStatusSchema).nullish(), worker_id_contains: text }
const resourcesFilters = { resources_id: text, resources_id_contains: text }
const spanFilters = {
  ...filters,
  rollout_id: z.string(),
  attempt_id: text,
  trace_id: text,
  trace_id_contains: text,
  span_id: text,
  span_id_contains: text,
  parent_id: text,
  parent_id_contains: text,
  name: text,
  name_contains: text,
}

export const pageSchema: z.ZodType<WireQuery> = z.object(page)
export const rolloutQuerySchema: z.ZodType<WireQuery> = z.object({
  ...page,
  ...rolloutFilters,
  labels: z.record(z.string(), z.string()).nullish(),
})
export const workerQuerySchema: z.ZodType<WireQuery> = z.object({ ...page, ...workerFilters })
export const resourcesQuerySchema: z.ZodType<WireQuery> = z.object({ ...page, ...resourcesFilters })
export const spanQuerySchema: z.ZodType<WireQuery> = z.object({ ...page, ...spanFilters })

/** Parameters that may come several times, and then are a list. */
export const repeatable: ReadonlySet<string> = new Set(['status_in', 'rollout_id_in', 'mode_in'])

/** A query string as an object: of a parameter that comes several times the last, but of repeatable ones all. */
export function readQuery(parameters: URLSearchParams): Readonly<Record<string, string | readonly string[]>> {
  const read: Record<string, string | string[]> = {}
  for (const [name, value] of parameters) {
    if (repeatable.has(name)) read[name] = [...((read[name] as string[] | undefined) ?? []), value]
    else read[name] = value
  }
  return read
}

/**
 * The request of a verb from wire names: `sort_by` to `sortBy`; null and absent are left out, but a null `sort_by`, which
 * asks for the order of insertion.
 * @param isOurs clients of ours may ask for no rows at all
 * @throws AglError with the reference's words for a limit or offset out of range
 */
export function toVerbQuery(query: WireQuery, isOurs: boolean): Record<string, unknown> {
  const { limit, offset } = query as { readonly limit?: number | null; readonly offset?: number | null }
  const isNoLimit = limit !== undefined && limit !== null && (limit < -1 || (limit === 0 && !isOurs))
  if (isNoLimit) throw badRequest('Limit must be greater than 0 or -1 for no limit')
  if (typeof offset === 'number' && offset < 0) throw badRequest('Offset must be greater than or equal to 0')
  const request: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || (value === null && name !== 'sort_by')) continue
    request[name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())] = value
  }
  return request
}
