/** What a server may be; the first three are ours. */
export type Side =
  | 'ours'
  /** Without tokens and metrics: what a request costs at least. */
  | 'ours, bare'
  /** With room for everything that a run leaves. */
  | 'ours, large'
  /** With tokens: requests must carry {@link benchToken}. */
  | 'ours, with tokens'
  /** Express over a Map. */
  | 'express'
  /** node:http over our store. */
  | 'raw'

export const benchToken = 'a-token-for-the-benchmark'
