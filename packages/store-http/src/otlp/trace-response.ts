import { BinaryWriter } from '@bufbuild/protobuf/wire'

/** What of an accepted request was not stored. */
export interface TraceResult {
  readonly rejectedSpans: number
  /** Why, for people. */
  readonly message: string
}

/** The bytes of an `ExportTraceServiceResponse`: none at all unless spans were rejected. */
export function encodeTraceResponse({ rejectedSpans, message }: TraceResult): Uint8Array {
  if (rejectedSpans === 0) return new Uint8Array(0)
  const writer = new BinaryWriter()
  // partial_success = 1 { rejected_spans = 1, error_message = 2 }
  writer.uint32(10).fork().uint32(8).int64(rejectedSpans)
  if (message !== '') writer.uint32(18).string(message)
  return writer.join().finish()
}

/** The same in OTLP/JSON. */
export interface TraceResponseJson {
  readonly partialSuccess?: { readonly rejectedSpans: number; readonly errorMessage: string }
}

/** The same in OTLP/JSON: an empty object unless spans were rejected. */
export function traceResponseToJson({ rejectedSpans, message }: TraceResult): TraceResponseJson {
  return rejectedSpans === 0 ? {} : { partialSuccess: { rejectedSpans, errorMessage: message } }
}

/**
 * The bytes of the `google.rpc.Status` that OTLP wants as the body of a refusal: the message only, the code stays 0 as in the
 * reference. In OTLP/JSON it is `{"message": …}`.
 */
export function encodeRpcStatus(message: string): Uint8Array {
  return new BinaryWriter().uint32(18).string(message).finish()
}
