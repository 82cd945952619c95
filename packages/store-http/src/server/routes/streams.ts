import { AglError, errorMessage } from '@agl/types'
import { z } from 'zod'
import { createLines } from '../../wire/lines.ts'
import { toErrorReply } from '../../wire/errors.ts'
import { breakOff } from '../metrics.ts'
import { type Route, route } from '../route.ts'
import { toSseEvent } from '../sse.ts'
import { lines } from '../shapes.ts'
import { write } from '../answers.ts'

/** A proxy that sees nothing for longer than this may take the connection for dead. */
const heartbeatMs = 15_000

export const streamRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/events',
    action: 'read',
    summary: 'What happens, as server-sent events; resumes after `Last-Event-ID` or `?after=`',
    query: z.object({ after: z.string().optional() }),
    answer: lines,
    contentType: 'text/event-stream',
    async handle(call) {
      const { request: asked, response } = call
      const head = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' }
      // A feed has no end that a HEAD could wait for.
      if (asked.method === 'HEAD') return void response.writeHead(200, head).end()
      const after = call.header('last-event-id') ?? call.query.after
      const signal = call.signal()
      const opened = Promise.withResolvers<string>()
      const request = { ...(after === undefined ? {} : { after }), signal, onOpen: opened.resolve }
      const events = call.store.watch(request)[Symbol.asyncIterator]()
      const first = events.next()
      // A refusal can be told by its status only before anything else.
      const cursor = await Promise.race([opened.promise, first.then(() => null)])
      response.writeHead(200, head)
      // An id without an event: whoever loses the feed before anything has happened resumes from here.
      await write(response, cursor === null ? ': open\n\n' : `: open\nid: ${cursor}\n\n`)
      const heartbeat = setInterval(() => response.write(': alive\n\n'), heartbeatMs).unref()
      try {
        for (let next = await first; next.done !== true; next = await events.next()) {
          await write(response, toSseEvent(next.value.cursor, next.value))
        }
      } catch (error) {
        if (!signal.aborted && !response.destroyed) {
          const { body } = toErrorReply(error)
          call.logger.info('an event stream has ended', { reason: errorMessage(error) })
          response.write(`event: error\ndata: ${JSON.stringify(body)}\n\n`)
        }
      } finally {
        clearInterval(heartbeat)
        await events.return?.()
        response.end()
      }
    },
  }),
  route({
    method: 'GET',
    path: '/snapshot',
    action: 'snapshot',
    summary: 'Everything that the store holds, as JSON Lines; one that breaks off lacks its last line',
    answer: lines,
    contentType: 'application/x-ndjson',
    async handle(call) {
      const { response } = call
      const lines = call.store.exportSnapshot({ signal: call.signal() })[Symbol.asyncIterator]()
      const first = await lines.next()
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      try {
        for (let next = first; next.done !== true; next = await lines.next()) await write(response, `${next.value}\n`)
        response.end()
      } catch (error) {
        call.logger.warn('a snapshot has broken off', { reason: errorMessage(error) })
        breakOff(response)
      }
    },
  }),
  route({
    method: 'PUT',
    path: '/snapshot',
    action: 'snapshot',
    summary: 'Fills an empty store from a snapshot',
    describedBody: lines,
    answer: z.object({}),
    contentType: 'application/x-ndjson',
    async handle(call) {
      await call.store.importSnapshot({ lines: linesOf(call.request) })
      return {}
    },
  }),
]

/** Longer than any record that fits into a body of the API. */
const longestLine = 64 * 2 ** 20

/** @throws AglError `invalid_argument` for a line without end */
async function* linesOf(source: AsyncIterable<unknown>): AsyncGenerator<string, void, void> {
  const lines = createLines({ isStrict: true })
  for await (const chunk of source) {
    yield* lines.add(chunk as Uint8Array)
    if (lines.pendingLength <= longestLine) continue
    throw new AglError({ code: 'invalid_argument', message: `Expected lines of at most ${longestLine} characters.` })
  }
  yield* lines.end()
}
