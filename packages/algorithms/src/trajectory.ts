import { AglError, type Triplet } from '@agl/types'

/** One sequence of token ids of which some were sampled by the model. Lists are aligned. */
export interface TrajectoryRow {
  readonly tokens: readonly number[]
  /** Whether the token was sampled; the others (prompts, tool results, template) are context. */
  readonly sampled: readonly boolean[]
}

/**
 * Merges the calls of one attempt into as few sequences as possible. A call whose prompt begins with the sequence so far
 * (its prompt and its response, token by token) goes on with it; any other starts a new row. Only the engine's own ids
 * are compared, never text that is tokenized again: on this model 0.5 to 2.5 percent of trajectories would differ.
 *
 * Every sampled token of every call is in exactly one row, once.
 * @throws AglError `training_failed` when a call carries no token ids
 */
export function mergeTrajectory(triplets: readonly Triplet[]): readonly TrajectoryRow[] {
  const rows: { tokens: number[]; sampled: boolean[] }[] = []
  for (const { prompt, response, metadata } of triplets) {
    if (prompt.token_ids.length === 0 || response.token_ids.length === 0) {
      throw new AglError({
        code: 'training_failed',
        message:
          `Model call ${String(metadata['response_id'])} has no token ids, so it cannot be trained on. ` +
          'The backend must give them (`return_token_ids`), and its entry in the gateway must say `tokenIds: true`.',
      })
    }
    const last = rows.at(-1)
    if (last !== undefined && startsWith(prompt.token_ids, last.tokens)) {
      append(last, prompt.token_ids.slice(last.tokens.length), false)
      append(last, response.token_ids, true)
    } else {
      const row = { tokens: [], sampled: [] }
      append(row, prompt.token_ids, false)
      append(row, response.token_ids, true)
      rows.push(row)
    }
  }
  return rows
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
