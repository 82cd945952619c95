import { AglError, type Triplet } from '@agl/types'

/** One sequence of token ids of which some were sampled by the model. Lists are aligned. */
export interface TrajectoryRow {
  readonly tokens: readonly number[]
  /** Whether the token was sampled; the others (prompts, tool results, template) are context. */
  readonly sampled: readonly boolean[]
}

/** Whether a call can be trained on: both its prompt and its response have token ids. */
export function isTrainable({ prompt, response }: Triplet): boolean {
  return prompt.tokenIds.length > 0 && response.tokenIds.length > 0
}

/**
 * Merges the calls of one attempt into sequences. A call whose prompt begins with a sequence so far (its prompt and its
 * response, token by token) goes on with the latest such one, so that conversations may be interleaved; any other starts a
 * new row. Only the engine's own ids are compared, never text that is tokenized again: on the embedded model 0.5 to 2.5
 * percent of trajectories would differ.
 *
 * Every sampled token of every call is in exactly one row, once.
 * @throws AglError `training_failed` when a call carries no token ids; see {@link isTrainable}
 */
export function mergeTrajectory(triplets: readonly Triplet[]): readonly TrajectoryRow[] {
  const rows: { tokens: number[]; sampled: boolean[] }[] = []
  for (const triplet of triplets) {
    if (!isTrainable(triplet)) throw untrainable(`Model call ${String(triplet.metadata['response_id'])} has no token ids`)
    const { prompt, response } = triplet
    const known = rows.findLast(({ tokens }) => startsWith(prompt.tokenIds, tokens))
    const row = known ?? { tokens: [], sampled: [] }
    if (known === undefined) rows.push(row)
    append(row, prompt.tokenIds.slice(row.tokens.length), false)
    append(row, response.tokenIds, true)
  }
  return rows
}

/** The error for calls without token ids, with the way to get them. */
export function untrainable(what: string): AglError {
  return new AglError({
    code: 'training_failed',
    message:
      `${what}, so it cannot be trained on. The backend must give them (\`return_token_ids\`), ` +
      'and its entry in the gateway must say `tokenIds: true`.',
  })
}

function append(
  row: { readonly tokens: number[]; readonly sampled: boolean[] },
  tokens: readonly number[],
  isSampled: boolean,
): void {
  for (const token of tokens) {
    row.tokens.push(token)
    row.sampled.push(isSampled)
  }
}

function startsWith(tokens: readonly number[], start: readonly number[]): boolean {
  return start.length <= tokens.length && start.every((token, index) => token === tokens[index])
}
