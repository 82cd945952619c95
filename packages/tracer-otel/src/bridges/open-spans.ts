import { type ModelExchange, modelApiOf, modelCallToSpans, readExchange } from '@agl/model-calls'
import { spanContextFromOtel } from '@agl/types/spans'
import { type Attributes, context, type Span, SpanStatusCode, trace, type TracerProvider } from '@opentelemetry/api'
import { type ActiveAttempt, currentAttempt } from '../attribution.ts'

/** A span of a framework that has not ended. */
export interface OpenSpan {
  readonly id: string
  readonly parentId: string | null
  readonly span: Span
  readonly attempt: ActiveAttempt
  /** Epoch seconds. */
  readonly startTime: number
  /** A call of a model went out in it through the bridge's `fetch`, which recorded it better than the framework can. */
  isCallRecorded: boolean
}

export interface SpanStart {
  /** The framework's id. */
  readonly id: string
  readonly parentId: string | null
  readonly name: string
  readonly attributes?: Attributes
}

/**
 * The spans that a framework has told of and that have not ended, by the framework's ids. A framework knows parents by ids of its
 * own and makes none of them active, so what hangs where is decided here. Spans outside an attempt are nobody's and are not kept.
 */
export interface OpenSpans {
  /** As a child of the parent named, or of the active span where that one is unknown. */
  start(start: SpanStart): void
  /** Ends a span; ids that are unknown are passed over. `error` null = it went well. */
  end(id: string, attributes: Attributes, error: string | null): void
  /** Records a call of a model that was made in a span; `failure` null = it was answered. */
  recordCall(caller: OpenSpan, exchange: ModelExchange, failure: string | null): void
  find(id: string | null | undefined): OpenSpan | null
  /** Those of the attempt that the calling code belongs to, oldest first. */
  ofThisAttempt(): readonly OpenSpan[]
  /** A fetch whose calls hang under the span that `findCaller` gives; the calls of models among them mark it. */
  fetchUnder(send: typeof globalThis.fetch, findCaller: () => OpenSpan | null): typeof globalThis.fetch
}

export function createOpenSpans(tracerName: string, provider: TracerProvider | null): OpenSpans {
  /** What a framework never ends goes with its attempt. */
  const byAttempt = new WeakMap<ActiveAttempt, Map<string, OpenSpan>>()
  const opened = (): Map<string, OpenSpan> | undefined => {
    const attempt = currentAttempt()
    return attempt === undefined ? undefined : byAttempt.get(attempt)
  }
  const find = (id: string | null | undefined): OpenSpan | null => opened()?.get(id ?? '') ?? null

  return {
    start({ id, parentId, name, attributes = {} }) {
      const attempt = currentAttempt()
      if (attempt === undefined) return
      // Asked for each time: whoever is the global provider now may not have been it when the bridge was made.
      const tracer = (provider ?? trace).getTracer(tracerName)
      const parent = find(parentId)
      const under = parent === null ? context.active() : trace.setSpan(context.active(), parent.span)
      const span = tracer.startSpan(name, { attributes }, under)
      const open = opened() ?? new Map<string, OpenSpan>()
      byAttempt.set(attempt, open)
      open.set(id, { id, parentId, span, attempt, startTime: Date.now() / 1000, isCallRecorded: false })
    },
    end(id, attributes, error) {
      const found = find(id)
      if (found === null) return
      opened()?.delete(id)
      found.span.setAttributes(attributes)
      found.span.setStatus(error === null ? { code: SpanStatusCode.OK } : { code: SpanStatusCode.ERROR, message: error })
      found.span.end()
    },
    // Not as attributes of the framework's span: a provider of the program's own may cut those off at 128.
    recordCall({ span, attempt, startTime }, exchange, failure) {
      const { rolloutId, attemptId } = attempt.attempt
      const place = { rolloutId, attemptId, startTime, endTime: Date.now() / 1000 }
      const parent = spanContextFromOtel(span.spanContext())
      for (const each of modelCallToSpans({ ...place, call: readExchange(exchange), failure, parent })) attempt.record(each)
    },
    find,
    ofThisAttempt: () => [...(opened()?.values() ?? [])],
    fetchUnder: (send, findCaller) => async (input, init) => {
      const caller = findCaller()
      if (caller === null) return await send(input, init)
      if (modelApiOf(input instanceof Request ? input.url : input) !== null) caller.isCallRecorded = true
      return await context.with(trace.setSpan(context.active(), caller.span), () => send(input, init))
    },
  }
}
