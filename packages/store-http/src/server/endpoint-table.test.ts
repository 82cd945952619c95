import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect, onTestFinished, test } from 'vitest'
import { createEndpointTable, type Endpoint } from './endpoint-table.ts'
import { routes } from './routes/index.ts'
import { startTestServer } from './test-server.test-support.ts'

const endpoints: readonly Endpoint[] = routes.map(({ method, path }) => ({
  method,
  path: `/v1/agl${path}`,
  answer: () => Promise.reject(new Error('not asked')),
}))
const find = createEndpointTable(endpoints)

const found = (method: string, url: string): unknown => {
  const { endpoint, params } = find(method, url) ?? {}
  return endpoint === undefined ? null : { path: endpoint.path, params }
}

test('finds every endpoint by its path, with its parameters', () => {
  for (const { method, path } of endpoints) {
    const params: Record<string, string> = {}
    const url = path.replace(/:(\w+)/g, (_, name: string) => (params[name] = `id-of-${name}.1~:@`))
    expect(found(method, url)).toEqual({ path, params })
    expect(found(method, `${url}?a=/b/c&d=%20`)).toEqual({ path, params })
  }
})

/** A path that reaches the server as it is written; fetch would tidy it up. */
async function ask(port: number, method: string, path: string): Promise<unknown> {
  const asked = httpRequest({ host: '127.0.0.1', port, method, path, agent: false }).end()
  const [response] = (await once(asked, 'response')) as [AsyncIterable<Buffer>]
  let text = ''
  for await (const chunk of response) text += chunk.toString()
  return JSON.parse(text) as unknown
}

test('finds nothing that the router would find elsewhere', async () => {
  const app = express().set('case sensitive routing', true)
  for (const { method, path } of endpoints) {
    app[method.toLowerCase() as 'get'](path, (request, response) => void response.json({ path, params: request.params }))
  }
  app.use((_request, response) => void response.json(null))
  const server = createServer(app).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ids = [
    'w',
    'search',
    'latest',
    'next',
    'batch',
    'aliases',
    '.',
    '..',
    '',
    '-',
    '__proto__',
    'a%2Fb',
    'a%20b',
    '%C3%A9',
    '%zz',
    'a;b',
    'a,b',
    'a#b',
    'a+b',
  ]
  let direct = 0
  for (const { path } of endpoints) {
    for (const id of ids) {
      for (const url of [path.replace(/:\w+/g, id), `${path.replace(/:\w+/g, id)}/`, path.replace(/:\w+/, id).toUpperCase()]) {
        for (const method of ['GET', 'POST']) {
          const known = found(method, url)
          if (known === null) continue
          direct += 1
          expect([method, url, known]).toEqual([method, url, await ask(port, method, url)])
        }
      }
    }
  }
  expect(direct).toBeGreaterThan(100)
})

test('what it does not find is answered all the same', async () => {
  const server = await startTestServer()
  const odd = ['/workers/w/', '/workers/w%31', '/workers/..w', '/workers/w+1']
  for (const path of odd)
    expect(await server.call('POST', path, {})).toMatchObject({ status: 200, body: { heartbeat_stats: null } })
  const { total } = await server.store.queryWorkers()
  expect(total).toBe(4)
  expect((await server.call('PUT', '/workers/w', {})).headers.get('allow')).toBe('GET, POST')
})
