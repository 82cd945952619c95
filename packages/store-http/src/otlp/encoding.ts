import { AglError } from '@agl/types'

/** The two forms of OTLP over HTTP. */
export type OtlpEncoding = 'protobuf' | 'json'

/** What a reply in either form is sent as. */
export const otlpContentTypes: Readonly<Record<OtlpEncoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
}

/**
 * The form that a request has, and its reply must have.
 * @param contentType the header as it came; absent counts as empty
 * @throws AglError `invalid_argument` for any other type
 */
export function otlpEncoding(contentType: string | undefined): OtlpEncoding {
  const given = (contentType ?? '').split(';', 1)[0]!.trim()
  const type = given.toLowerCase()
  if (type === otlpContentTypes.protobuf) return 'protobuf'
  if (type === otlpContentTypes.json) return 'json'
  throw new AglError({
    code: 'invalid_argument',
    // The reference's text, and what we take besides.
    message: `Unsupported Content-Type '${given}', expected '${otlpContentTypes.protobuf}' or '${otlpContentTypes.json}'`,
    data: { contentType: given },
  })
}
