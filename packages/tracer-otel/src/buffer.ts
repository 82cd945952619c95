import { AglError, errorMessage, type Logger, type NewSpan, type TracedAttempt } from '@agl/types'
import { noRoom, type SpanBudget } from './budget.ts'
import type { TracerMeasures } from './measures.ts'
import { spanBytes } from './span-bytes.ts'

/** Collects the finished spans of one attempt and writes them in batches, in order. */
export interface SpanBuffer {
  record(span: NewSpan): void
  /** Resolves when every span recorded so far is in the sink; rejects when some were refused since the last flush. */
  flush(): Promise<void>
  /** As `flush`; spans that come later are written at once. */
  finish(): Promise<void>
}

export interface SpanBufferParts {
  readonly budget: SpanBudget
  /** Holds every write while it is under way. */
  readonly writes: Set<Promise<void>>
  readonly flushDelayMs: number
  readonly logger: Logger
  readonly measures: Pick<TracerMeasures, 'spans' | 'refused'>
}

/** Spans that make a write worth its while. */
const batchSize = 64
/** Spans per write when the sink is behind; bounds the size of one request. */
const largestBatch = 512

/**
 * Spans wait until a batch is full, `flushDelayMs` has passed or somebody flushes; one write at a time, so that the store
 * sees them in the order they ended. What comes during a write goes out together with the next. A refused batch is not tried
 * again here: stores that are remote, and runners, try again by themselves.
 */
export function createSpanBuffer({ sink, rolloutId, attemptId }: TracedAttempt, parts: SpanBufferParts): SpanBuffer {
  const { budget, writes, flushDelayMs, logger, measures } = parts
  let waiting: NewSpan[] = []
  let waitingBytes = 0
  let writing: Promise<void> | null = null
  let timer: NodeJS.Timeout | undefined
  let refused: { readonly error: unknown; readonly spans: number } | null = null
  let isFinished = false

  function record(span: NewSpan): void {
    const bytes = spanBytes(span)
    if (!budget.take(bytes)) {
      measures.refused.add(1, { reason: 'no_room' })
      refuse(1, noRoom(1))
      return
    }
    waiting.push(span)
    waitingBytes += bytes
    if (writing !== null) return
    if (isFinished || waiting.length >= batchSize) start()
    else timer ??= setTimeout(start, flushDelayMs).unref()
  }

  function refuse(spans: number, error: unknown): void {
    refused = { error: refused?.error ?? error, spans: (refused?.spans ?? 0) + spans }
    if (isFinished) logger.warn('Late spans were refused', { rolloutId, attemptId, spans, error: errorMessage(error) })
  }

  function start(): void {
    clearTimeout(timer)
    timer = undefined
    if (writing !== null || waiting.length === 0) return
    const write = writeAll().finally(() => {
      writing = null
      writes.delete(write)
    })
    writing = write
    writes.add(write)
  }

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const spans = waiting
      const bytes = waitingBytes
      waiting = []
      waitingBytes = 0
      for (let first = 0; first < spans.length; first += largestBatch) {
        await write(spans.length <= largestBatch ? spans : spans.slice(first, first + largestBatch))
      }
      budget.give(bytes)
    }
  }

  async function write(spans: readonly NewSpan[]): Promise<void> {
    try {
      await sink.addManySpans({ spans })
      measures.spans.add(spans.length)
    } catch (error) {
      measures.refused.add(spans.length, { reason: 'store' })
      refuse(spans.length, error)
    }
  }

  async function flush(): Promise<void> {
    start()
    await writing
    if (refused === null) return
    const { error, spans } = refused
    refused = null
    if (AglError.isInstance(error) && error.code === 'storage_full') throw error
    throw new AglError({
      code: 'upstream_failed',
      message: `The store refused ${spans} span(s): ${errorMessage(error)}`,
      cause: error,
    })
  }

  return {
    record,
    flush,
    async finish() {
      await flush().finally(() => {
        isFinished = true
        start()
      })
    },
  }
}
