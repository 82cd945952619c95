/** Under which every path of the API lies; the second is how documents of ours have spelt it. */
export const apiPrefixes: readonly string[] = ['/v1/agl', '/agl/v1']

/** Says who speaks: our clients send it with each request, our servers answer with it. Others do not know it. */
export const apiHeader = 'agl-api'
export const apiVersion = '1'

/** Of a reply to a wait: `true` when all that is known is finished, `false` when the time was over. */
export const completeHeader = 'agl-complete'

/** Repeats of a request with the same key are answered as the first was. */
export const idempotencyHeader = 'idempotency-key'
