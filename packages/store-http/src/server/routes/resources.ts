import {
  type NamedResources,
  type PageRequest,
  type ResourcesAlias,
  resourcesAliasSchema,
  type ResourcesQuery,
  type ResourcesUpdate,
} from '@agl/types'
import { z } from 'zod'
import { laxInteger, wireNamedResourcesSchema, wireResourcesUpdateSchema } from '../../wire/schemas.ts'
import { badRequest } from '../problems.ts'
import { pageSchema, resourcesQuerySchema, toVerbQuery } from '../query.ts'
import type { Listing } from '../read-rows.ts'
import { toNullable, toResources } from '../records.ts'
import { type Call, type Route, route } from '../route.ts'
import { sendRows } from '../send-rows.ts'
import { aliasPage, namedResources, resourcesPage } from '../shapes.ts'
import { optional } from './claims.ts'

const anUpdate = wireResourcesUpdateSchema
const aVersion = z.object({ version: z.union([z.int(), z.stringFormat('integer', /^\d+$/).transform(Number)]).nullish() })
const target = z.strictObject({ resources_id: z.string(), version: laxInteger })

/** What must be there already, from the headers of HTTP for that; undefined when anything may be. */
function expectedVersion(call: Call): number | undefined {
  const match = call.header('if-match')
  if (call.header('if-none-match') === '*') return 0
  if (match === undefined || match === '*') return undefined
  const version = /^(?:W\/)?"(\d+)"$/.exec(match)?.[1]
  if (version === undefined) throw badRequest(`Expected If-Match to be a version in quotes, as "3"; got ${match.slice(0, 40)}`)
  return Number(version)
}

/** One snapshot may take as much as a hundred other rows. */
const mostSnapshots = 100

async function listResources(
  call: Call,
  request: PageRequest<keyof ResourcesUpdate>,
  { read, keyOf }: Pick<Listing<ResourcesUpdate>, 'read' | 'keyOf'>,
): Promise<void> {
  const isSteady = request.sortBy === undefined || request.sortBy === null
  const partSize = isSteady ? Math.min(mostSnapshots, call.maxPageSize) : Infinity
  await sendRows(call, { read, keyOf, partSize }, request, (update) => toResources(call, update))
}

export const resourcesRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/resources',
    action: 'read',
    summary: 'The newest version of each id, page by page',
    query: resourcesQuerySchema,
    answer: resourcesPage,
    async handle(call) {
      const request = toVerbQuery(call.query, call.isOurs) as ResourcesQuery
      await listResources(call, request, {
        read: (page) => call.store.queryResources({ ...request, ...page }),
        keyOf: (update) => update.resources_id,
      })
    },
  }),
  route({
    method: 'POST',
    path: '/resources',
    action: 'steer',
    status: 201,
    summary: 'Stores resources under a new id',
    numbers: [['*', 'sampling_parameters']],
    body: wireNamedResourcesSchema,
    describedBody: namedResources,
    answer: anUpdate,
    async handle(call) {
      const resources = call.body as NamedResources
      const update = await call.store.addResources({ resources, ...optional('idempotencyKey', call.idempotencyKey) })
      return toResources(call, update)
    },
  }),
  route({
    method: 'PATCH',
    path: '/resources',
    action: 'steer',
    summary: 'New versions of several ids: all of them or none',
    body: z.strictObject({
      updates: z.array(
        z.strictObject({
          resources_id: z.string(),
          resources: wireNamedResourcesSchema,
          expected_version: laxInteger.optional(),
        }),
      ),
    }),
    answer: z.array(anUpdate),
    async handle(call) {
      const updates = call.body.updates.map(({ resources_id: resourcesId, resources, expected_version: expected }) => ({
        resourcesId,
        resources: resources as NamedResources,
        ...optional('expectedVersion', expected),
      }))
      const key = optional('idempotencyKey', call.idempotencyKey)
      return (await call.store.updateManyResources({ updates, ...key })).map((update) => toResources(call, update))
    },
  }),
  route({
    method: 'GET',
    path: '/resources/latest',
    action: 'read',
    summary: 'What was stored last, or null',
    answer: anUpdate.nullable(),
    async handle(call) {
      return toNullable(await call.store.getLatestResources(), (update) => toResources(call, update))
    },
  }),
  route({
    method: 'GET',
    path: '/resources/:resources_id',
    action: 'read',
    summary: 'One version, the newest unless `version` is given, or null',
    query: aVersion,
    answer: anUpdate.nullable(),
    async handle(call) {
      const resourcesId = call.params.resources_id!
      const update = await call.store.getResourcesById({ resourcesId, ...optional('version', call.query.version) })
      return toNullable(update, (item) => toResources(call, item))
    },
  }),
  route({
    method: 'POST',
    path: '/resources/:resources_id',
    action: 'steer',
    summary: 'The next version of an id, which may be new; If-Match names the version that must be the newest',
    numbers: [['*', 'sampling_parameters']],
    body: wireNamedResourcesSchema,
    describedBody: namedResources,
    answer: anUpdate,
    async handle(call) {
      const update = await call.store.updateResources({
        resourcesId: call.params.resources_id!,
        resources: call.body as NamedResources,
        ...optional('expectedVersion', expectedVersion(call)),
        ...optional('idempotencyKey', call.idempotencyKey),
      })
      return toResources(call, update)
    },
  }),
  route({
    method: 'DELETE',
    path: '/resources/:resources_id',
    action: 'delete',
    summary: 'Deletes a version, or all; what is in use stays (409)',
    query: aVersion,
    answer: z.array(z.int()),
    handle: (call) =>
      call.store.deleteResources({ resourcesId: call.params.resources_id!, ...optional('version', call.query.version) }),
  }),
  route({
    method: 'GET',
    path: '/resources/:resources_id/versions',
    action: 'read',
    summary: 'The versions of an id, oldest first, page by page',
    query: pageSchema,
    answer: resourcesPage,
    async handle(call) {
      const request = toVerbQuery(call.query, call.isOurs)
      const resourcesId = call.params.resources_id!
      await listResources(call, request, {
        read: (page) => call.store.queryResourcesVersions({ resourcesId, ...request, ...page }),
        keyOf: (update) => String(update.version),
      })
    },
  }),
  route({
    method: 'GET',
    path: '/aliases',
    action: 'read',
    summary: 'Aliases, page by page',
    query: pageSchema,
    answer: aliasPage,
    async handle(call) {
      const request = toVerbQuery(call.query, call.isOurs)
      const listing: Listing<ResourcesAlias> = {
        read: (page) => call.store.queryResourcesAliases({ ...request, ...page }),
        keyOf: ({ alias }) => alias,
        partSize: Infinity,
      }
      await sendRows(call, listing, request, (alias) => alias)
    },
  }),
  route({
    method: 'GET',
    path: '/aliases/:alias',
    action: 'read',
    summary: 'The resources that an alias points to, or null',
    answer: anUpdate.nullable(),
    async handle(call) {
      const update = await call.store.getResourcesByAlias({ alias: call.params.alias! })
      return toNullable(update, (item) => toResources(call, item))
    },
  }),
  route({
    method: 'PUT',
    path: '/aliases/:alias',
    action: 'steer',
    summary: 'Points an alias to a version, in one step for everybody',
    body: z.strictObject({ resources_id: z.string(), version: laxInteger, expected: target.nullable().optional() }),
    answer: resourcesAliasSchema,
    async handle(call) {
      const { resources_id: resourcesId, version, expected } = call.body
      const place = expected === null ? null : expected && { resourcesId: expected.resources_id, version: expected.version }
      return call.store.setResourcesAlias({
        alias: call.params.alias!,
        resourcesId,
        version,
        ...(place === undefined ? {} : { expected: place }),
      })
    },
  }),
  route({
    method: 'DELETE',
    path: '/aliases/:alias',
    action: 'steer',
    summary: 'Deletes an alias; false when there was none',
    answer: z.boolean(),
    handle: (call) => call.store.deleteResourcesAlias({ alias: call.params.alias! }),
  }),
]
