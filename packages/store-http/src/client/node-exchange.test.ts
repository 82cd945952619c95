import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { Exchange, Incoming } from './exchange.ts'
import { createNodeExchange } from './node-exchange.ts'

interface Place {
  readonly exchange: Exchange
  /** Those that were opened to the server. */
  readonly sockets: readonly Socket[]
}

async function serve(answer: RequestListener, base = ''): Promise<Place> {
  const sockets: Socket[] = []
  const server = createServer({ keepAliveTimeout: 30_000 }, answer).on('connection', (socket) => void sockets.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const exchange = createNodeExchange({ url: `http://127.0.0.1:${port}${base}`, socketPath: null })
  onTestFinished(async () => {
    exchange.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { exchange, sockets }
}

const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => void chunks.push(chunk))
  request.on('end', () => response.end(Buffer.concat(chunks)))
}

const post = (exchange: Exchange, body: string, signal: AbortSignal = new AbortController().signal): Promise<Incoming> =>
  exchange.send({ method: 'POST', path: '/x?y=1', headers: { 'content-type': 'text/plain' }, body, signal })

test.each(['', 'ascii', 'é', 'zażółć 🙂 '.repeat(20_000), '\u0080\u00ff'])('a text arrives as it was sent: %#', async (text) => {
  const { exchange } = await serve(echo)
  expect(await (await post(exchange, text)).text()).toBe(text)
})

test('a byte order mark is none of the text', async () => {
  const { exchange } = await serve((_, response) => response.end(Buffer.from([0xef, 0xbb, 0xbf, 0x31])))
  expect(await (await post(exchange, '')).text()).toBe('1')
})

test('asks under the path of the server, and keeps a connection for all that come one after the other', async () => {
  const asked: (string | undefined)[] = []
  const { exchange, sockets } = await serve((request, response) => {
    asked.push(request.url, request.headers.host, request.headers['transfer-encoding'])
    response.setHeader('x-list', ['a', 'b']).end('ok')
  }, '/behind')
  for (let index = 0; index < 3; index++) {
    const incoming = await post(exchange, 'text')
    expect(incoming.header('x-list')).toBe('a, b')
    expect(incoming.header('x-none')).toBeNull()
    expect(await incoming.text()).toBe('ok')
  }
  expect(asked.slice(0, 3)).toEqual(['/behind/x?y=1', `127.0.0.1:${sockets[0]!.localPort}`, undefined])
  expect(sockets).toHaveLength(1)
})

test('closing lets idle connections go', async () => {
  const { exchange, sockets } = await serve(echo)
  await (await post(exchange, '')).text()
  exchange.close()
  await (await post(exchange, '')).text()
  expect(sockets).toHaveLength(2)
})

test.each(['before the head', 'in the midst of the body'])('a connection that breaks %s fails the exchange', async (when) => {
  const { exchange } = await serve((_, response) => {
    if (when !== 'before the head') response.writeHead(200, { 'content-length': 100 }).write('half')
    setImmediate(() => response.destroy())
  })
  await expect(post(exchange, '').then((incoming) => incoming.text())).rejects.toThrow()
})

test('a body that had broken off before anybody read it fails too', async () => {
  const { exchange, sockets } = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('half')
  })
  const incoming = await post(exchange, '')
  const closed = new Promise((resolve) => sockets[0]!.once('close', resolve))
  sockets[0]!.destroy()
  await closed
  for (let index = 0; index < 20; index++) await new Promise((resolve) => setImmediate(resolve))
  await expect(incoming.text()).rejects.toThrow()
})

const silent: RequestListener = () => {}
const half: RequestListener = (_, response) => void response.writeHead(200).write('half')
const enough = new Error('enough')

test('an abort ends it with its reason, before the head is there', async () => {
  const { exchange } = await serve(silent)
  const leaving = new AbortController()
  const reply = post(exchange, '', leaving.signal)
  leaving.abort(enough)
  await expect(reply).rejects.toBe(enough)
})

test.each(['at once', 'later'])('an abort ends the reading of a text with its reason: %s', async (when) => {
  const { exchange } = await serve(half)
  const leaving = new AbortController()
  const text = (await post(exchange, '', leaving.signal)).text()
  if (when === 'later') await new Promise((resolve) => setImmediate(resolve))
  leaving.abort(enough)
  await expect(text).rejects.toBe(enough)
})

test('an abort ends the reading of a stream with its reason', async () => {
  const { exchange } = await serve(half)
  const leaving = new AbortController()
  const reader = (await post(exchange, '', leaving.signal)).stream()!.getReader()
  await reader.read()
  leaving.abort(enough)
  await expect(reader.read()).rejects.toBe(enough)
})

test('an abort counts for what has come and was not read', async () => {
  const { exchange } = await serve((_, response) => response.end('whole'))
  const leaving = new AbortController()
  const incoming = await post(exchange, '', leaving.signal)
  leaving.abort(enough)
  await expect(incoming.text()).rejects.toBe(enough)
})

test('a signal that was aborted before sends nothing', async () => {
  const { exchange, sockets } = await serve(echo)
  await expect(post(exchange, '', AbortSignal.abort(new Error('never')))).rejects.toThrow('never')
  expect(sockets).toHaveLength(0)
})
