import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type Connections, openConnections } from './connections.ts'

async function serve(listener: RequestListener): Promise<{ readonly server: Server; readonly opened: Connections }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const opened = openConnections((server.address() as AddressInfo).port)
  onTestFinished(() => {
    opened.close()
    server.close()
  })
  return { server, opened }
}

const ask = (path: string): Buffer => Buffer.from(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi`)

test('answers come back to who asked, however they are cut, on as few connections as there are requests at a time', async () => {
  const { server, opened } = await serve(async (request, response) => {
    const text = request.url!.slice(1).repeat(1000)
    response.writeHead(201, { 'content-length': text.length })
    response.flushHeaders()
    for (let start = 0; start < text.length; start += 999) {
      response.write(text.slice(start, start + 999))
      await new Promise((resolve) => setImmediate(resolve))
    }
    response.end()
  })
  let accepted = 0
  server.on('connection', () => (accepted += 1))
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(['a', 'b', 'c'].map((name) => opened.exchange(ask(`/${name}`))))
    expect(answers.map(({ status, body }) => [status, body.toString()])).toEqual(
      ['a', 'b', 'c'].map((name) => [201, name.repeat(1000)]),
    )
  }
  expect(accepted).toBe(3)
})

test('a connection that the server ends fails its request, and is not used again', async () => {
  const { server, opened } = await serve((request, response) => {
    if (request.url === '/end') request.socket.destroy()
    else response.setHeader('content-length', 2).end('ok')
  })
  await expect(opened.exchange(ask('/end'))).rejects.toThrow('closed a connection')
  expect((await opened.exchange(ask('/'))).body.toString()).toBe('ok')
  server.closeAllConnections()
  // By the time that another client is answered, this one has seen the end of its connection.
  const other = openConnections((server.address() as AddressInfo).port)
  await other.exchange(ask('/'))
  other.close()
  expect((await opened.exchange(ask('/'))).status).toBe(200)
})

test('an answer that does not say how long it is, is an error', async () => {
  const { opened } = await serve((_request, response) => void response.write('in chunks'))
  await expect(opened.exchange(ask('/'))).rejects.toThrow('without a length')
})
