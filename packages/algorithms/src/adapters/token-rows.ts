import type { Triplet } from '@agl/types'
import type { OnFinding } from './findings.ts'
import { isTrainable } from './make-triplet.ts'
import { createRowIndex } from './row-index.ts'

/** What one call sampled within a row. */
export interface SampledSegment {
  /** Place of the first sampled token in the row. */
  readonly start: number
  /** Place after the last one. */
  readonly end: number
  /** The span that stands for the call. */
  readonly spanId: string
  /** Version of the weights that sampled; null where no gateway knows it. */
  readonly modelVersion: string | null
  readonly reward: number | null
}

/** One sequence of token ids of which some were sampled by the model. Lists are aligned. */
export interface TokenRow {
  readonly tokens: readonly number[]
  /** 1 = sampled by the model; 0 = context: prompts, tool results, template. */
  readonly lossMask: readonly (0 | 1)[]
  /** Log-probability of each sampled token when it was sampled, 0 for context; null when not all of its calls have them. */
  readonly logprobs: readonly number[] | null
  /** The last reward that one of its calls has. */
  readonly reward: number | null
  /** One for each call, in order. */
  readonly segments: readonly SampledSegment[]
}

export interface PackOptions {
  /** Rows are cut to this length; null = never. */
  readonly maxTokens?: number | null
  readonly onFinding?: OnFinding
}

/**
 * Packs the calls of one attempt into as few sequences as possible. A call whose prompt begins with a sequence so far (its
 * prompts and answers, token by token) goes on with it: the longest of several, the latest of equal ones. So conversations
 * may be interleaved. Any other call starts a new row and is reported. Only the engine's own ids are compared, never text
 * that is tokenized again: on the embedded model 0.5 to 2.5 percent of trajectories would differ.
 *
 * Every sampled token of every call with token ids is in exactly one row, once, unless `maxTokens` cuts it off, which is
 * reported. Calls without token ids are passed over: the adapter that made the triplets has reported them. Time and memory
 * are linear in the tokens of the calls.
 */
export function packTokenRows(triplets: readonly Triplet[], options: PackOptions = {}): readonly TokenRow[] {
  const { maxTokens = null, onFinding = () => {} } = options
  const rows: OpenRow[] = []
  const index = createRowIndex((row) => rows[row]!.tokens)
  let latest: OpenRow | null = null
  for (const triplet of triplets) {
    if (!isTrainable(triplet)) continue
    const { prompt, response } = triplet
    const { row: known, state } = index.take(prompt.tokenIds)
    const number = known === -1 ? rows.push({ tokens: [], lossMask: [], logprobs: [], segments: [] }) - 1 : known
    const row = rows[number]!
    if (known === -1 && latest !== null) reportNewRow(triplet, latest, onFinding)
    append(row, triplet)
    index.put(number, state, response.tokenIds)
    latest = row
  }
  return rows.flatMap((row) => {
    const kept = maxTokens === null ? row : cut(row, maxTokens, onFinding)
    return kept.segments.length === 0 ? [] : [toRow(kept)]
  })
}

interface OpenRow {
  readonly tokens: number[]
  readonly lossMask: (0 | 1)[]
  logprobs: number[] | null
  readonly segments: SampledSegment[]
}

function append(row: OpenRow, { prompt, response, reward, metadata }: Triplet): void {
  const { tokens, lossMask } = row
  for (let index = tokens.length; index < prompt.tokenIds.length; index += 1) {
    tokens.push(prompt.tokenIds[index]!)
    lossMask.push(0)
    row.logprobs?.push(0)
  }
  const begin = tokens.length
  if (response.logprobs?.length !== response.tokenIds.length) row.logprobs = null
  for (const [index, token] of response.tokenIds.entries()) {
    tokens.push(token)
    lossMask.push(1)
    row.logprobs?.push(response.logprobs![index]!)
  }
  const { span_id: spanId, model_version: modelVersion } = metadata
  row.segments.push({
    start: begin,
    end: tokens.length,
    spanId: String(spanId),
    modelVersion: typeof modelVersion === 'string' ? modelVersion : null,
    reward,
  })
}

function toRow({ tokens, lossMask, logprobs, segments }: OpenRow): TokenRow {
  const reward = segments.findLast((segment) => segment.reward !== null)?.reward ?? null
  return { tokens, lossMask, logprobs, reward, segments }
}

/** The first tokens of a row. Without segments when nothing that was sampled is among them. */
function cut(row: OpenRow, maxTokens: number, report: OnFinding): OpenRow {
  const { tokens, lossMask, logprobs, segments } = row
  if (tokens.length <= maxTokens) return row
  const firstCut = segments.find(({ end }) => end > maxTokens)!
  const cutTokens = tokens.length - maxTokens
  const cutSampledTokens = segments.reduce((sum, { start, end }) => sum + Math.max(0, end - Math.max(start, maxTokens)), 0)
  const reason =
    `The row has ${tokens.length} tokens and maxTokens is ${maxTokens}: ${cutTokens} are cut off at its end, ` +
    `${cutSampledTokens} of them sampled. Raise maxTokens, or let the agent keep its conversations shorter.`
  report({ kind: 'row_truncated', spanId: firstCut.spanId, cutTokens, cutSampledTokens, reason })
  return {
    tokens: tokens.slice(0, maxTokens),
    lossMask: lossMask.slice(0, maxTokens),
    logprobs: logprobs?.slice(0, maxTokens) ?? null,
    segments: segments
      .filter(({ start }) => start < maxTokens)
      .map((segment) => ({ ...segment, end: Math.min(segment.end, maxTokens) })),
  }
}

function reportNewRow({ prompt, metadata }: Triplet, { tokens }: OpenRow, report: OnFinding): void {
  const ids = prompt.tokenIds
  let shared = 0
  while (shared < ids.length && shared < tokens.length && ids[shared] === tokens[shared]) shared += 1
  const reason =
    `The prompt goes on with no row: it agrees with the row of the call before it in the first ${shared} of ` +
    `${tokens.length} tokens. A conversation of its own is right to start anew; within one, the agent or the chat template ` +
    'rewrites what was said, and its tokens are trained on more than once as context.'
  report({ kind: 'row_not_contiguous', spanId: String(metadata['span_id']), sharedTokens: shared, reason })
}
