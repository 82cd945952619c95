import { createStreamAssembler, type ModelApi, readAnswer } from '@agl/model-calls'
import { errorMessage, rootMessage } from '@agl/types'

/** Told once about each answer: what came, and why it is not a good one (null when it is). */
export type RecordAnswer = (answer: unknown, failure: string | null) => void

/** What an answer is to. */
export interface AskedFor {
  readonly api: ModelApi
  /** What the caller gives up with. */
  readonly signal: AbortSignal | null
}

/** The answer as it came, recorded by the time its end is readable. */
export async function watchAnswer(response: Response, { api, signal }: AskedFor, record: RecordAnswer): Promise<Response> {
  const { body, status } = response
  const isStream = response.headers.get('content-type')?.includes('text/event-stream') === true
  if (response.ok && isStream && body !== null) return withBody(response, watchStream(body, api, record))
  // Read ahead: many callers look at the status and leave the body of an error unread.
  let bytes: ArrayBuffer
  try {
    bytes = await response.arrayBuffer()
  } catch (error) {
    record(null, `The answer broke off: ${rootMessage(error)}`)
    // Who gives up a call that has not been answered for all it knows expects that call to fail.
    if (signal?.aborted === true) throw error
    return withBody(response, new ReadableStream({ start: (controller) => controller.error(error) }))
  }
  const { answer, failure } = readAnswer({ status, text: new TextDecoder().decode(bytes) })
  record(answer, failure)
  return withBody(response, body === null ? null : bytes)
}

/** Chunks go on when the caller asks for the next one, never ahead of it, and are read on the side. */
function watchStream(body: ReadableStream<Uint8Array>, api: ModelApi, record: RecordAnswer): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  const assembler = createStreamAssembler(api)
  let isRecorded = false
  const recordOnce = (failure: string | null): void => {
    if (isRecorded) return
    isRecorded = true
    record(assembler.answer(), failure)
  }
  return new ReadableStream({
    // Readers of bytes get what they are used to.
    type: 'bytes',
    start(controller) {
      // An abort, or a connection that breaks while nobody reads.
      reader.closed.catch((error: unknown) => {
        recordOnce(`The stream broke off: ${rootMessage(error)}`)
        controller.error(error)
      })
    },
    async pull(controller) {
      let { done, value } = await reader.read()
      while (value?.byteLength === 0) ({ done, value } = await reader.read())
      if (done || value === undefined) {
        // An event is over when a blank line comes; clients do not insist on it at the end.
        assembler.feed(`${decoder.decode()}\n\n`)
        recordOnce(assembler.problem())
        controller.close()
        controller.byobRequest?.respond(0)
        return
      }
      assembler.feed(decoder.decode(value, { stream: true }))
      // Callers may stop at the end mark of the API and settle their attempt.
      if (assembler.isEnded()) recordOnce(assembler.problem())
      // A copy, because the buffer of what is enqueued goes over to the stream, and it may be part of a larger one.
      controller.enqueue(new Uint8Array(value))
    },
    async cancel(reason: unknown) {
      const why = reason === undefined ? '' : `: ${errorMessage(reason)}`
      recordOnce(assembler.problem() === null ? null : `The caller stopped reading${why}`)
      await reader.cancel(reason)
    },
  })
}

/** What no constructor takes, but clients look at. */
const kept = ['url', 'redirected', 'type'] as const

function withBody(response: Response, body: ConstructorParameters<typeof Response>[0]): Response {
  const { status, statusText, headers } = response
  const made = new Response(body, { status, statusText, headers })
  for (const name of kept) Object.defineProperty(made, name, { value: response[name] })
  return made
}
