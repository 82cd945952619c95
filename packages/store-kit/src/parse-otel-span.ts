import { AglError, describeValue, errorMessage, isPlainObject, type LightningStore, type NewSpan } from '@agl/types'
import { spanFromOtel } from '@agl/types/spans'
import { type ParsedSpan, parseNewSpan } from './check-span.ts'

/** The span of an `addOtelSpan`. @throws AglError `invalid_argument` for what cannot be read as a span of OpenTelemetry */
export function parseOtelSpan(request: Parameters<LightningStore['addOtelSpan']>[0]): ParsedSpan {
  const { sequenceId } = request
  checkShape(request.span)
  const converted = convert(request)
  return parseNewSpan(sequenceId === undefined ? converted : { ...converted, sequence_id: sequenceId })
}

function convert({ span, rolloutId, attemptId }: Parameters<LightningStore['addOtelSpan']>[0]): NewSpan {
  try {
    return spanFromOtel(span, { rolloutId, attemptId })
  } catch (error) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected a finished OpenTelemetry span (the ReadableSpan of SDK 3); reading it failed: ${errorMessage(error)}.`,
      cause: error,
    })
  }
}

/** What reading would not stumble over: wrong values that look like none. */
function checkShape(span: unknown): void {
  const { status, attributes, resource } = span as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>
  const problem = !isPlainObject(attributes)
    ? ['attributes', 'an object of attributes', attributes]
    : !isPlainObject(resource?.attributes)
      ? ['resource.attributes', 'an object of attributes', resource?.attributes]
      : ![0, 1, 2].includes(status?.code as number)
        ? ['status.code', '0, 1 or 2', status?.code]
        : null
  if (problem === null) return
  const [field, expected, value] = problem
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected a finished OpenTelemetry span (the ReadableSpan of SDK 3) with ${String(expected)} as \`${String(field)}\`; got ${describeValue(value)}.`,
    data: { field },
  })
}
