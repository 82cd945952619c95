import { AglError, errorMessage, type Logger, type NewSpan, type TracedAttempt } from '@agl/types'

/** Collects the finished spans of one attempt and writes them in batches, in order. */
export interface SpanBuffer {
  record(span: NewSpan): void
  flush(): Promise<void>
  finish(): Promise<void>
}

/** Spans per write; bounds the size of one request. */
const batchSize = 64

/**
 * Spans wait until a batch is full or somebody flushes; one write at a time, so that the store sees them in the order
 * they ended. After `finish` nobody flushes any more, so late spans are written as they come. A refused batch is not
 * tried again here: stores that are remote retry by themselves.
 */
export function createSpanBuffer({ sink, rolloutId, attemptId }: TracedAttempt, logger: Logger): SpanBuffer {
  let waiting: NewSpan[] = []
  let writing: Promise<void> = Promise.resolve()
  let refused: { readonly error: unknown; readonly spans: number } | null = null
  let isFinished = false

  function write(): void {
    if (waiting.length === 0) return
    const spans = waiting
    waiting = []
    writing = writing.then(async () => {
      try {
        await sink.addManySpans({ spans })
      } catch (error) {
        refused = { error, spans: (refused?.spans ?? 0) + spans.length }
        if (isFinished)
          logger.warn('Late spans were refused', { rolloutId, attemptId, spans: spans.length, error: errorMessage(error) })
      }
    })
  }

  async function flush(): Promise<void> {
    write()
    await writing
    if (refused === null) return
    const { error, spans } = refused
    refused = null
    throw new AglError({
      code: 'upstream_failed',
      message: `The store refused ${spans} span(s): ${errorMessage(error)}`,
      cause: error,
    })
  }

  return {
    record(span) {
      waiting.push(span)
      if (isFinished || waiting.length >= batchSize) write()
    },
    flush,
    async finish() {
      await flush().finally(() => {
        isFinished = true
        write()
      })
    },
  }
}
