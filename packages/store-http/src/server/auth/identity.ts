/** What a token from the options or the token file may be given. */
export type TokenRole = 'admin' | 'algorithm' | 'runner' | 'viewer'

/** Every role, the most powerful first. */
export const tokenRoles: readonly TokenRole[] = Object.freeze(['admin', 'algorithm', 'runner', 'viewer'] as const)

/** One attempt of one rollout. */
export interface AttemptName {
  readonly rolloutId: string
  readonly attemptId: string
}

/** Who a request comes from. `name` is for logs and never a secret. */
export type Identity =
  | { readonly role: TokenRole; readonly name: string; readonly attempt?: undefined }
  /** The agent of one attempt, by the token that was minted when the attempt was claimed. */
  | { readonly role: 'attempt'; readonly name: string; readonly attempt: AttemptName }
