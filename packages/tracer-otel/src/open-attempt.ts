import type { NewSpan, SpanCoreFields, TracedAttempt } from '@agl/types'
import { createEmitter, spanOfAttempt, traceIdOf } from '@agl/types/spans'
import { type Context, context, trace, TraceFlags } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { activeSpanContext } from './active-span.ts'
import { type ActiveAttempt, withAttempt } from './attribution.ts'
import type { SpanBudget } from './budget.ts'
import type { SpanBuffer } from './buffer.ts'

export interface AttemptParts {
  readonly buffer: SpanBuffer
  readonly budget: SpanBudget
  readonly offer: (span: NewSpan, original: ReadableSpan | undefined) => void
}

/**
 * An attempt with its emitter. What is emitted is no OpenTelemetry span: sampling and suppression, the program's affair, must
 * not lose what training needs. It takes part in the OpenTelemetry context all the same: it hangs under the span that is active, and
 * spans that start inside an operation hang under that.
 */
export function openAttempt(attempt: TracedAttempt, { buffer, budget, offer }: AttemptParts): ActiveAttempt {
  const traceId = traceIdOf(attempt)
  let latestEnd = 0

  function record(span: NewSpan, original?: ReadableSpan): void {
    if (span.end_time !== null && span.end_time > latestEnd) latestEnd = span.end_time
    buffer.record(span)
    offer(span, original)
  }

  function write(span: SpanCoreFields): void {
    record(spanOfAttempt(span, attempt, activeSpanContext()))
  }

  const emit = createEmitter({
    now: () => Math.max(Date.now() / 1000, latestEnd),
    write,
    nest(operation) {
      // The place of the operation's span is taken before what happens inside, which names it as its parent.
      const place = spanOfAttempt(nameless, attempt, activeSpanContext())
      return context.with(below(active, place), () =>
        operation(({ name, status, attributes, start_time, end_time }) =>
          record({ ...place, name, status, attributes, start_time, end_time }),
        ),
      )
    },
  })
  const active: ActiveAttempt = { attempt, emit, traceId, record, room: budget.room, flush: buffer.flush }
  return active
}

const nameless: SpanCoreFields = {
  name: '',
  status: { status_code: 'UNSET', description: null },
  attributes: {},
  start_time: 0,
  end_time: 0,
}

function below(active: ActiveAttempt, { trace_id: traceId, span_id: spanId }: NewSpan): Context {
  // The flag stays what it is in the program's own trace; where there is none, nobody has decided against it.
  const traceFlags = trace.getSpanContext(context.active())?.traceFlags ?? TraceFlags.SAMPLED
  return trace.setSpanContext(withAttempt(context.active(), active), { traceId, spanId, traceFlags })
}
