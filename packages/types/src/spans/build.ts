import type { Attributes } from '../attribute.ts'
import type { NewSpan, SpanContext, SpanCoreFields, SpanStatus } from '../span.ts'

/** The parts of a span that a caller decides. */
export interface SpanCore {
  readonly rolloutId: string
  readonly attemptId: string
  readonly name: string
  readonly attributes: Attributes
  /** Epoch seconds. */
  readonly startTime: number
  readonly endTime: number
  /** Default OK. */
  readonly status?: SpanStatus
  /** The span that it hangs under, in the trace of that one; default: none, in the trace of its attempt. */
  readonly parent?: SpanContext | null
}

/** A span with a fresh random id. */
export function buildSpan(core: SpanCore): NewSpan {
  const parent = core.parent ?? null
  const traceId = parent?.trace_id ?? traceIdOf(core)
  const spanId = randomHex(8)
  return {
    rollout_id: core.rolloutId,
    attempt_id: core.attemptId,
    trace_id: traceId,
    span_id: spanId,
    parent_id: parent?.span_id ?? null,
    name: core.name,
    status: core.status ?? { status_code: 'OK', description: null },
    attributes: core.attributes,
    events: [],
    links: [],
    start_time: core.startTime,
    end_time: core.endTime,
    context: { trace_id: traceId, span_id: spanId, is_remote: false, trace_state: {} },
    parent,
    resource: { attributes: {}, schema_url: '' },
  }
}

/** What an emitter wrote, as a span of an attempt. */
export function spanOfAttempt(
  { name, status, attributes, start_time: startTime, end_time: endTime }: SpanCoreFields,
  { rolloutId, attemptId }: { readonly rolloutId: string; readonly attemptId: string },
  parent: SpanContext | null = null,
): NewSpan {
  return buildSpan({ rolloutId, attemptId, name, attributes, status, startTime, endTime, parent })
}

/**
 * The trace id of what is built by hand for an attempt: the same for all of it, whoever builds it, so that an
 * OpenTelemetry viewer shows one trace. Four rounds of 32-bit FNV-1a over the two ids, each begun with its number.
 */
export function traceIdOf({ rolloutId, attemptId }: { readonly rolloutId: string; readonly attemptId: string }): string {
  // Asked for each span, and mostly for the same attempt as before.
  if (latest.rolloutId === rolloutId && latest.attemptId === attemptId) return latest.traceId
  const bytes = encoder.encode(`${rolloutId}/${attemptId}`)
  let traceId = ''
  for (let round = 1; round <= 4; round++) {
    let hash = 0x811c9dc5 ^ round
    for (let index = 0; index < bytes.length; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193)
    traceId += (hash >>> 0).toString(16).padStart(8, '0')
  }
  latest = { rolloutId, attemptId, traceId }
  return traceId
}

const encoder = new TextEncoder()
let latest: { readonly rolloutId: string; readonly attemptId: string; readonly traceId: string } = {
  rolloutId: '',
  attemptId: '',
  traceId: '',
}

const hexOfByte: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Random bytes for many ids at once: to draw eight costs as much as to draw a thousand. */
const drawn = new Uint8Array(1024)
let used = drawn.length

function randomHex(bytes: number): string {
  if (used + bytes > drawn.length) {
    globalThis.crypto.getRandomValues(drawn)
    used = 0
  }
  let hex = ''
  for (const end = used + bytes; used < end; used++) hex += hexOfByte[drawn[used]!]!
  return hex
}
