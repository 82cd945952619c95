import { expect, test } from 'vitest'
import { z } from 'zod'
import type { describeApi } from './openapi.ts'
import { routes } from './routes/index.ts'
import { startTestServer } from './test-server.test-support.ts'

test('every endpoint is described, with what it takes and answers', async () => {
  const server = await startTestServer()
  const answer = await server.call('GET', '/v1/../openapi.json')
  const { openapi, paths } = answer.body as ReturnType<typeof describeApi> & {
    readonly openapi: string
    readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>
  }
  expect(openapi).toBe('3.1.0')
  const described = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
  expect(described.toSorted()).toEqual(
    [
      ...routes.map(({ method, path }) => `${method.toLowerCase()} /v1/agl${path.replace(/:(\w+)/g, '{$1}')}`),
      'post /v1/traces',
      'get /v1/prometheus',
    ].toSorted(),
  )
  expect(paths['/v1/agl/queues/rollouts/enqueue']!.post).toMatchObject({
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { required: ['rollouts'], properties: { rollouts: { type: 'array' } } } } },
    },
    responses: { 201: { content: { 'application/json': { schema: { type: 'array' } } } } },
  })
  expect(paths['/v1/agl/spans']!.get).toMatchObject({
    parameters: expect.arrayContaining([expect.objectContaining({ name: 'rollout_id', in: 'query', required: true })]),
  })
})

test('no body and no answer is left to be guessed', () => {
  for (const { method, path, answer, body, describedBody } of routes) {
    const told = [describedBody ?? body, answer].map(
      (schema) => schema && JSON.stringify(z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' })),
    )
    // A schema that cannot be told is told as anything.
    expect([method, path, ...told]).not.toContain('{"$schema":"https://json-schema.org/draft/2020-12/schema"}')
    expect([method, path, answer]).not.toContain(undefined)
  }
})
