import type { ServerResponse } from 'node:http'
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net'
import { createMemoryStore } from '@agl/store-memory'
import type { StoreEvent } from '@agl/types'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createStoreServer } from '../server/index.ts'
import { answer, connect, drop, type Script, serve } from './scripted-server.test-support.ts'

const eventOf = (number: number): object => ({
  type: 'rollout_deleted',
  rollout_id: `ro-${number}`,
  cursor: `c${number}`,
  time: number,
})

function open(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(': open\n\n')
}

function tell(response: ServerResponse, ...numbers: readonly number[]): void {
  for (const number of numbers) response.write(`id: c${number}\ndata: ${JSON.stringify(eventOf(number))}\n\n`)
}

/** Tells on each connection what comes after the cursor, up to a number; then does something. */
const feed =
  (...ends: readonly (readonly [last: number, then: (response: ServerResponse) => void])[]): Script =>
  ({ headers }, response, index) => {
    const [last, finish] = ends[index] ?? [0, () => {}]
    const after = Number(/^c(\d+)$/.exec(String(headers['last-event-id']))?.[1] ?? 0)
    open(response)
    tell(response, ...Array.from({ length: last - after }, (_, offset) => after + 1 + offset))
    finish(response)
  }

async function take(events: AsyncIterable<StoreEvent>, count: number): Promise<readonly string[]> {
  const cursors: string[] = []
  for await (const event of events) if (cursors.push(event.cursor) === count) break
  return cursors
}

/** The way to a port of this machine, which a test may break; while it is blocked nothing gets through. */
async function breakableWay(port: number): Promise<{
  readonly url: string
  block(): void
  free(): void
  close(): void
}> {
  const sockets = new Set<Socket>()
  let held: Socket[] | null = null
  const pass = (socket: Socket): void => {
    const onward = connectSocket(port, '127.0.0.1')
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      from.on('error', () => {}).on('close', () => to.destroy())
      from.pipe(to)
    }
  }
  const way = createServer((socket) => {
    sockets.add(socket)
    if (held === null) pass(socket)
    else held.push(socket)
  })
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  return {
    url: `http://127.0.0.1:${(way.address() as AddressInfo).port}`,
    block() {
      cut()
      held = []
    },
    free() {
      const waiting = held ?? []
      held = null
      for (const socket of waiting) pass(socket)
    },
    close() {
      cut()
      way.close()
    },
  }
}

const later = (work: (response: ServerResponse) => void) => (response: ServerResponse) => void setTimeout(() => work(response), 5)

describe('the feed', () => {
  test('goes on after the last cursor when the connection is lost, broken or ended', async () => {
    const server = await serve(feed([2, later(drop)], [3, (response) => response.end()], [5, () => {}]))
    const { client } = await connect({ url: server.url })
    expect(await take(client.watch(), 5)).toEqual(['c1', 'c2', 'c3', 'c4', 'c5'])
    expect(server.seen.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'c2', 'c3'])
    expect(server.seen[0]).toMatchObject({ method: 'GET', path: '/events', headers: { accept: 'text/event-stream' } })
  })

  test('begins after the cursor given, and comes in pieces of any size', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
      const text = `id: c1\ndata: ${JSON.stringify({ ...eventOf(1), rollout_id: 'ü' })}\n\nid: c2\ndata: {"type":"news","cursor":"c2"}\n\n`
      for (const byte of Buffer.from(text)) response.write(Buffer.from([byte]))
      tell(response, 3)
    })
    const { client } = await connect({ url: server.url })
    const events: StoreEvent[] = []
    for await (const event of client.watch({ after: 'c0' })) if (events.push(event) === 2) break
    // What this version does not know is passed over.
    expect(events).toMatchObject([{ rollout_id: 'ü' }, { rollout_id: 'ro-3' }])
    expect(server.seen[0]!.headers['last-event-id']).toBe('c0')
  })

  test('a cursor that is too old is told, at the start and after a loss', async () => {
    const expired = { detail: 'too old', code: 'cursor_expired' }
    const server = await serve((request, response) => {
      if (request.headers['last-event-id'] !== undefined) return answer(response, expired, 410)
      feed([1, later(drop)])(request, response, 0)
    })
    const { client } = await connect({ url: server.url })
    await expect(take(client.watch({ after: 'c0' }), 1)).rejects.toMatchObject({ code: 'cursor_expired', message: 'too old' })
    await expect(take(client.watch(), 2)).rejects.toMatchObject({ code: 'cursor_expired' })
  })

  test('a feed that is lost before it told where it is has a gap, and says so', async () => {
    const lost = await serve(feed([0, later(drop)]))
    const { client } = await connect({ url: lost.url })
    await expect(take(client.watch(), 1)).rejects.toMatchObject({ code: 'cursor_expired' })
    const telling = await serve((request, response, index) => {
      if (index > 0) return feed([0, () => {}], [9, () => {}])(request, response, index)
      open(response)
      response.write('id: c7\n\n')
      later(drop)(response)
    })
    const { client: told } = await connect({ url: telling.url })
    expect(await take(told.watch(), 2)).toEqual(['c8', 'c9'])
  })

  test('a feed that is lost before anything has happened goes on where it began', async () => {
    const store = createMemoryStore()
    const server = createStoreServer({ store, port: 0 })
    const { url } = await server.start()
    const way = await breakableWay(Number(new URL(url).port))
    onTestFinished(async () => {
      way.close()
      await server.close()
      await store.close()
    })
    const { client } = await connect({ url: way.url })
    const opened = Promise.withResolvers<string>()
    const events = client.watch({ onOpen: opened.resolve })[Symbol.asyncIterator]()
    const first = events.next()
    const begin = await opened.promise
    way.block()
    await store.enqueueManyRollouts({ rollouts: [{ input: 1 }, { input: 2 }] })
    way.free()
    expect(await first).toMatchObject({ value: { rollout: { input: 1 } } })
    expect(await events.next()).toMatchObject({ value: { rollout: { input: 2 } } })
    await events.return?.()
    const again: string[] = []
    for await (const event of client.watch({ after: begin, onOpen: (cursor) => void again.push(cursor) })) {
      expect(event).toMatchObject({ rollout: { input: 1 } })
      break
    }
    expect(again).toEqual([begin])
  })

  test('a connection that falls silent is taken for lost', async () => {
    const server = await serve(feed([1, () => {}], [2, () => {}]))
    const { client, clock } = await connect({ url: server.url })
    const events = client.watch()[Symbol.asyncIterator]()
    await events.next()
    const second = events.next()
    expect([...clock.deadlines.values()]).toEqual([45_000])
    clock.expire()
    expect(await second).toMatchObject({ value: { cursor: 'c2' } })
    await events.return?.()
    expect(clock.deadlines.size).toBe(0)
  })

  test('a comment is a sign of life', async () => {
    const sockets: ServerResponse[] = []
    const server = await serve(feed([1, (response) => void sockets.push(response)]))
    const { client, clock } = await connect({ url: server.url })
    const events = client.watch()[Symbol.asyncIterator]()
    await events.next()
    const pending = events.next()
    // The event before it counted too.
    await new Promise((resolve) => setImmediate(resolve))
    const [before] = clock.deadlines.keys()
    sockets[0]!.write(': still here\n\n')
    while (clock.deadlines.keys().next().value === before) await new Promise((resolve) => setImmediate(resolve))
    expect(clock.deadlines.size).toBe(1)
    await events.return?.()
    expect(await pending).toEqual({ done: true, value: undefined })
  })

  test('a server that ends each feed at once is not asked without a pause', async () => {
    const server = await serve((_, response, index) => {
      open(response)
      if (index === 4) tell(response, 2)
      else response.end(index === 3 ? 'event: error\ndata: {"code":"timeout"}\n\n' : '')
    })
    const { client, clock } = await connect({ url: server.url })
    expect(await take(client.watch({ after: 'c1' }), 1)).toEqual(['c2'])
    expect(clock.pauses).toEqual([200, 400, 800])
  })

  test('ends by its signal, by closing, and by leaving while it waits', async () => {
    const server = await serve(feed())
    const { client, clock } = await connect({ url: server.url })
    const controller = new AbortController()
    const aborted = client.watch({ signal: controller.signal })[Symbol.asyncIterator]()
    const left = client.watch()[Symbol.asyncIterator]()
    const closed = client.watch()[Symbol.asyncIterator]()
    const reads = [aborted.next(), left.next(), closed.next()] as const
    const outcomes = Promise.allSettled(reads)
    await server.count(3)
    controller.abort(new Error('enough'))
    expect(await left.return?.()).toEqual({ done: true, value: undefined })
    expect(await left.next()).toEqual({ done: true, value: undefined })
    await client.close()
    expect(await outcomes).toMatchObject([
      { reason: { message: 'enough' } },
      { value: { done: true } },
      { reason: { code: 'closed' } },
    ])
    await expect(take(client.watch(), 1)).rejects.toMatchObject({ code: 'closed' })
    expect(clock.deadlines.size).toBe(0)
  })

  test('what is no feed, and an event that does not fit, are refused', async () => {
    const page = await serve((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'))
    const { client } = await connect({ url: page.url })
    await expect(take(client.watch(), 1)).rejects.toThrow('expected a reply of text/event-stream; got text/html')
    const odd = await serve((_, response) => {
      open(response)
      response.write('id: c1\ndata: {"type":"rollout","cursor":"c1","time":1,"rollout":{"rollout_id":7}}\n\n')
    })
    const { client: other } = await connect({ url: odd.url })
    await expect(take(other.watch(), 1)).rejects.toMatchObject({
      code: 'upstream_failed',
      message: expect.stringContaining('rollout_id'),
    })
  })
})
