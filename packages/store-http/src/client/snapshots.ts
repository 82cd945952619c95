import { snapshotError } from '@agl/store-kit'
import { AglError, describeValue } from '@agl/types'
import { createLines } from '../wire/lines.ts'
import { checkOpen, type Client, needOurs } from './client.ts'
import type { Stream } from './connection.ts'
import { badReply, unreachable } from './errors.ts'
import { leavable } from './iterate.ts'
import { createDeadline, type Deadline, type Scope } from './scopes.ts'

/** Lines are sent in pieces of about this many characters. */
const pieceLength = 64 * 1024
/** A store that has all lines may take so many times the time of a request to store them. */
const importPatience = 10

export function exportSnapshot(client: Client, { signal }: { readonly signal?: AbortSignal }): AsyncIterable<string> {
  const open = (): Scope => {
    checkOpen(client)
    needOurs(client, 'exportSnapshot')
    signal?.throwIfAborted()
    return client.connection.scopes.open(signal)
  }
  return leavable(open, (scope) => exported(client, scope))
}

async function* exported(client: Client, scope: Scope): AsyncGenerator<string, void, void> {
  const { connection, options } = client
  const stream = await connection.open({
    method: 'GET',
    path: '/snapshot',
    headers: { accept: 'application/x-ndjson' },
    scope,
    idleMs: options.requestTimeoutMs,
  })
  try {
    const type = stream.header('content-type') ?? 'no type'
    if (!type.startsWith('application/x-ndjson')) {
      throw badReply(stream.asked, `expected a reply of application/x-ndjson; got ${type}.`)
    }
    let last = ''
    for await (const line of linesOf(stream)) {
      last = line
      yield line
    }
    if (!isEnd(last)) throw brokenOff(stream, 'the last line is missing')
  } catch (error) {
    scope.signal.throwIfAborted()
    throw AglError.isInstance(error) ? error : brokenOff(stream, error)
  } finally {
    stream.deadline.abort()
    stream.deadline.end()
  }
}

function isEnd(line: string): boolean {
  try {
    return (JSON.parse(line) as { readonly kind?: unknown } | null)?.kind === 'end'
  } catch {
    return false
  }
}

function brokenOff({ asked }: Stream, cause: unknown): AglError {
  const reason = unreachable(asked, typeof cause === 'string' ? new Error(cause) : cause)
  return new AglError({
    code: 'upstream_failed',
    message: `The snapshot broke off; what came of it is not whole. ${reason.message}`,
    data: reason.data,
    cause,
  })
}

async function* linesOf({ body, deadline }: Stream): AsyncGenerator<string, void, void> {
  const lines = createLines()
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    yield* (done ? lines.end() : lines.add(value)).filter((line) => line !== '')
    if (done) return
    deadline.extend()
  }
}

export async function importSnapshot(
  client: Client,
  { lines }: { readonly lines: AsyncIterable<string> | Iterable<string> },
): Promise<void> {
  needOurs(client, 'importSnapshot')
  const { connection, options } = client
  const scope = connection.scopes.open()
  const deadline = createDeadline(options.clock, importPatience * options.requestTimeoutMs, scope.signal)
  const source = piecesOf(lines)
  let failure: { readonly error: unknown } | null = null
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await source.next()
          deadline.extend()
          if (done === true) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          failure = { error }
          controller.error(error)
          abort(deadline)
        }
      },
      async cancel() {
        await source.return()
      },
    },
    { highWaterMark: 1 },
  )
  try {
    await connection.upload({ method: 'PUT', path: '/snapshot', stream, deadline })
  } catch (error) {
    // What the lines threw is the reason, not the connection that ended by it.
    const { error: ofLines } = (failure as { readonly error: unknown } | null) ?? { error: undefined }
    if (failure !== null) throw ofLines
    scope.signal.throwIfAborted()
    throw error
  } finally {
    deadline.end()
    scope.end()
    await source.return()
  }
}

function abort(deadline: Deadline): void {
  deadline.abort()
}

async function* piecesOf(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Uint8Array, void, void> {
  const encoder = new TextEncoder()
  let piece = ''
  let line = 0
  for await (const text of lines) {
    line++
    if (typeof text !== 'string') throw snapshotError(line, `expected text; got ${describeValue(text)}`)
    piece += `${text}\n`
    if (piece.length < pieceLength) continue
    yield encoder.encode(piece)
    piece = ''
  }
  if (piece !== '') yield encoder.encode(piece)
}
