import { AglError, errorMessage, type LightningStore, type NewSpan } from '@agl/types'
import { spanFromOtel } from '@agl/types/spans'
import { type ParsedSpan, parseNewSpan } from './check-span.ts'

/** The span of an `addOtelSpan`. @throws AglError `invalid_argument` for what cannot be read as a span of OpenTelemetry */
export function parseOtelSpan(request: Parameters<LightningStore['addOtelSpan']>[0]): ParsedSpan {
  const { sequenceId } = request
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
