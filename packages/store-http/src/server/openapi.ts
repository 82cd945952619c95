import { z } from 'zod'
import { apiPrefixes } from '../wire/paths.ts'
import type { Route } from './route.ts'
import { routes } from './routes/index.ts'

/** A schema as OpenAPI 3.1 takes it: what a caller may send, or gets. What zod cannot say in JSON Schema is anything. */
function toSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...described } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' })
  return described
}

function parametersOf(route: Route): readonly object[] {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const inHeader = route.method === 'GET' ? [] : [{ $ref: '#/components/parameters/IdempotencyKey' }]
  if (route.query === undefined) return [...inPath, ...inHeader]
  const { properties = {}, required = [] } = toSchema(route.query, 'input') as {
    readonly properties?: Readonly<Record<string, object>>
    readonly required?: readonly string[]
  }
  const inQuery = Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
  return [...inPath, ...inQuery, ...inHeader]
}

function toOperation(route: Route): object {
  const { isBodyOptional, status = 200, answer, summary, action, contentType = 'application/json' } = route
  const body = route.describedBody ?? route.body
  const json = (schema: object): object => ({ 'application/json': { schema } })
  const content = (schema: object): object => ({ [contentType]: { schema } })
  return {
    summary,
    operationId: `${route.method.toLowerCase()}${route.path.replace(/[/:_]+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    parameters: parametersOf(route),
    ...(body === undefined
      ? {}
      : { requestBody: { required: isBodyOptional !== true, content: content(toSchema(body, 'input')) } }),
    responses: {
      [status]: {
        description: summary,
        ...(answer === undefined ? {} : { content: content(toSchema(answer, 'output')) }),
      },
      default: { description: 'What was wrong', content: json({ $ref: '#/components/schemas/Error' }) },
    },
    ...(action === null ? { security: [] } : {}),
  }
}

const errorSchema = {
  type: 'object',
  required: ['detail', 'code', 'data', 'is_retryable'],
  properties: {
    detail: { description: 'In words, or a list of what does not fit' },
    code: { type: 'string' },
    data: { type: 'object' },
    is_retryable: { type: 'boolean' },
    error_type: { type: 'string', description: 'The exception of the Python server' },
  },
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'The same key within 10 minutes answers what the first call answered, and does nothing; for the verbs that take one',
  schema: { type: 'string' },
}

/** What is not of the store's API, but answered all the same. */
const besides = {
  '/v1/traces': {
    post: {
      summary: 'OTLP: spans of OpenTelemetry, as protobuf or JSON, gzip, deflate or none',
      requestBody: {
        required: true,
        content: { 'application/x-protobuf': { schema: { type: 'string', format: 'binary' } }, 'application/json': {} },
      },
      responses: { 200: { description: 'Stored; `partial_success` counts what was not' } },
    },
  },
  '/v1/prometheus': {
    get: {
      summary: 'Counters and latencies for Prometheus',
      responses: { 200: { description: 'Prometheus text', content: { 'text/plain': { schema: { type: 'string' } } } } },
    },
  },
}

/** The API in OpenAPI 3.1, made from the schemas that requests are checked with. */
export function describeApi(): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = apiPrefixes[0] + route.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: toOperation(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'AGL store',
      version: '0.3.0',
      description: 'The store API of agent-lightning 0.3, and what AGL adds to it.',
    },
    paths: { ...paths, ...besides },
    components: {
      schemas: { Error: errorSchema },
      parameters: { IdempotencyKey: idempotencyKey },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
    security: [{ token: [] }],
  }
}
