import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { scoreOf } from '@agl/algorithms'
import { type AttemptedRollout, type LightningStore, modelCallAttributes, type Rollout, type Span } from '@agl/types'
import { findFinalReward, indexedGroups, isRewardSpan } from '@agl/types/spans'

/** What a run left in the store, counted there. */
export interface StoreCounts {
  readonly rollouts: number
  readonly modelCalls: number
  readonly sampledTokens: number
  readonly rewards: number
}

/** Writes each rollout (with its attempt) and each span as a line of JSON, and counts on the way. */
export async function exportStore(
  store: LightningStore,
  files: { readonly rollouts: string; readonly spans: string },
): Promise<StoreCounts> {
  const counts = { rollouts: 0, modelCalls: 0, sampledTokens: 0, rewards: 0 }
  const { items: rollouts } = await store.queryRollouts({ labels: { algorithm: 'sft' } })
  await pipeline(Readable.from(rollouts.map(toLine)), createWriteStream(files.rollouts))
  const spanFile = createWriteStream(files.spans)
  for (const { rollout_id: rolloutId } of rollouts) {
    counts.rollouts += 1
    const { items: spans } = await store.querySpans({ rolloutId, sortBy: 'sequence_id' })
    for (const span of spans) {
      const tokens = span.attributes[modelCallAttributes.responseTokenIds]
      if (Array.isArray(tokens)) {
        counts.modelCalls += 1
        counts.sampledTokens += tokens.length
      }
      if (isRewardSpan(span)) counts.rewards += 1
      if (!spanFile.write(toLine(span))) await once(spanFile, 'drain')
    }
  }
  spanFile.end()
  await once(spanFile, 'finish')
  return counts
}

function toLine(record: object): string {
  return `${JSON.stringify(record)}\n`
}

/** A served held-out customer, read back from the store. */
export interface ServedCustomer {
  readonly rollout: Rollout | AttemptedRollout
  /** By the policy per outcome; null = left out. */
  readonly score: number | null
  readonly spans: readonly Span[]
}

/** The held-out customers of one scoring (`0` before, the number of iterations after), in the order of the tasks. */
export async function readHeldOut(store: LightningStore, iteration: number): Promise<readonly ServedCustomer[]> {
  const { items } = await store.queryRollouts({ labels: { phase: 'test', iteration: String(iteration) } })
  return await Promise.all(
    items.map(async (rollout) => {
      const { items: spans } = await store.querySpans({
        rolloutId: rollout.rollout_id,
        attemptId: 'latest',
        sortBy: 'sequence_id',
      })
      const attempt = 'attempt' in rollout ? rollout.attempt : null
      return { rollout, score: scoreOf(attempt, findFinalReward(spans), 0), spans }
    }),
  )
}

/** What was said at the desk, from the last recorded call: its prompt and its completion. */
export function readTranscript({ spans }: ServedCustomer): readonly { readonly role: string; readonly content: string }[] {
  const last = spans.findLast((span) => modelCallAttributes.responseTokenIds in span.attributes)
  if (last === undefined) return []
  return [modelCallAttributes.prompt, modelCallAttributes.completion].flatMap((prefix) =>
    indexedGroups(last.attributes, prefix).map(({ role, content }) => ({ role: String(role), content: String(content) })),
  )
}
