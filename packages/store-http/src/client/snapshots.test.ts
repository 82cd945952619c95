import { describe, expect, test } from 'vitest'
import { answer, connect, drop, serve } from './scripted-server.test-support.ts'

const end = '{"kind":"end","records":1}'
const lines = ['{"agl":"snapshot"}', '{"text":"a\u2028b ü"}', end]
const ndjson = { 'content-type': 'application/x-ndjson' }

async function linesOf(source: AsyncIterable<string>): Promise<readonly string[]> {
  const read: string[] = []
  for await (const line of source) read.push(line)
  return read
}

describe('snapshots', () => {
  test('come line by line', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, ndjson)
      for (const byte of Buffer.from(`${lines.join('\n')}\n`)) response.write(Buffer.from([byte]))
      response.end()
    })
    const { client, clock } = await connect({ url: server.url })
    expect(await linesOf(client.exportSnapshot())).toEqual(lines)
    for await (const line of client.exportSnapshot()) {
      expect(line).toBe(lines[0])
      break
    }
    expect(clock.deadlines.size).toBe(0)
  })

  test.each(['the connection breaks', 'the end is missing'])('one that is not whole is told: %s', async (how) => {
    const server = await serve((_, response) => {
      response.writeHead(200, ndjson).write(`${lines[0]}\n`)
      if (how === 'the end is missing') response.end()
      else setTimeout(() => drop(response), 5)
    })
    const { client } = await connect({ url: server.url })
    await expect(linesOf(client.exportSnapshot())).rejects.toMatchObject({
      code: 'upstream_failed',
      message: expect.stringContaining('broke off'),
    })
    expect(server.seen).toHaveLength(1)
  })

  test('an export ends by its signal', async () => {
    const server = await serve((_, response) => void response.writeHead(200, ndjson).write(`${lines[0]}\n`))
    const { client, clock } = await connect({ url: server.url })
    const controller = new AbortController()
    const items = client.exportSnapshot({ signal: controller.signal })[Symbol.asyncIterator]()
    await items.next()
    const second = items.next()
    controller.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    expect(clock.deadlines.size).toBe(0)
  })

  test('are sent as they come, once', async () => {
    const server = await serve((_, response) => answer(response, {}))
    const { client, clock } = await connect({ url: server.url })
    await client.importSnapshot({ lines })
    const many = Array.from({ length: 5000 }, (_, index) => `{"line":${index},"text":"${'x'.repeat(50)}"}`)
    await client.importSnapshot({ lines: many })
    expect(server.seen[0]).toMatchObject({ method: 'PUT', path: '/snapshot', body: `${lines.join('\n')}\n`, headers: ndjson })
    expect(server.seen[1]!.body).toBe(`${many.join('\n')}\n`)
    expect(clock.deadlines.size).toBe(0)
  })

  test('the refusal of the server, and what the lines throw, are told as they are; nothing is sent twice', async () => {
    const server = await serve((_, response) => answer(response, { detail: 'not empty', code: 'conflict' }, 409))
    const { client } = await connect({ url: server.url })
    await expect(client.importSnapshot({ lines })).rejects.toMatchObject({ code: 'conflict', message: 'not empty' })
    async function* failing(): AsyncGenerator<string> {
      yield 'x'.repeat(100_000)
      throw new Error('no more lines')
    }
    await expect(client.importSnapshot({ lines: failing() })).rejects.toThrow('no more lines')
    await expect(client.importSnapshot({ lines: ['{}', 7 as never] })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('line 2'),
    })
    const broken = await serve((_, response) => drop(response))
    const { client: other } = await connect({ url: broken.url })
    await expect(other.importSnapshot({ lines })).rejects.toMatchObject({ code: 'upstream_failed' })
    expect(broken.seen).toHaveLength(1)
  })

  test('closing ends an import', async () => {
    const server = await serve(() => {})
    const { client, clock } = await connect({ url: server.url })
    const importing = client.importSnapshot({ lines })
    const refused = importing.catch((error: unknown) => error)
    await server.count(1)
    await client.close()
    expect(await refused).toMatchObject({ code: 'closed' })
    expect(clock.deadlines.size).toBe(0)
  })
})
