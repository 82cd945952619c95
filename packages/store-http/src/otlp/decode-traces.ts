import { AglError, errorMessage } from '@agl/types'
import { createSpanCollector, type DecodedTraces } from './collect-spans.ts'
import { otlpEncoding } from './encoding.ts'
import { readJsonTraces } from './json.ts'
import { readTraces } from './protobuf.ts'

/**
 * The spans of an OTLP `ExportTraceServiceRequest`, in the payload's order, as they go into a store. What the record has no
 * place for (kind, scope, flags, trace state, dropped counts) is lost, as with the reference. An empty body holds no spans.
 *
 * - Attribution: `agentlightning.rollout_id`, `.attempt_id` and `.span_sequence_id` of the span, else of its resource; they
 *   stay among the attributes. A span without rollout or attempt is reported apart. A sequence id that is no decimal
 *   count is left out, for the store to give one; 0 is kept.
 * - Ids are lower-case hex, padded on the left with zeros to 32 and 16 digits. `parent` is null; the parent is `parent_id`.
 * - Times are epoch seconds; 0 is null, and what is not above 1e12 is taken as seconds already.
 * - Attributes: bytes become hex; integers beyond 2^53, which no number of JSON holds, their decimal digits as text; null,
 *   maps, mixed and nested lists JSON text. Invalid UTF-8 is read with U+FFFD in its place.
 *
 * Works in time linear in the body. Values nested in more than 32 lists and maps, and more than 131,072 spans, events and links
 * are refused. Spans of one resource share its object; neither may be changed.
 * @param body decompressed; not kept
 * @param contentType the header as it came
 * @throws AglError `invalid_argument` for another content type and for a body that is no such request; nothing else
 */
export function decodeTraces(body: Uint8Array, contentType: string | undefined): DecodedTraces {
  const encoding = otlpEncoding(contentType)
  const collector = createSpanCollector()
  try {
    if (body.length > 0) (encoding === 'json' ? readJsonTraces : readTraces)(body, collector)
  } catch (error) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Unable to parse OTLP traces payload: ${errorMessage(error)}`,
      cause: error,
    })
  }
  return collector.finish()
}
