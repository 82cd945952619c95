import { writeFile } from 'node:fs/promises'
import { type ModelCall, readModelCall } from '@agl/model-calls'
import type { LightningStore } from '@agl/types'
import { findFinalReward } from '@agl/types/spans'
import { readArguments } from './tasks.ts'

/**
 * Ends an example with one line of JSON: how many spans its store holds, the tokens of their model calls, the mean reward.
 * `--record file` keeps the spans too, as `{ source, spans }`.
 */
export async function report(source: string, store: LightningStore): Promise<void> {
  const rollouts = (await store.queryRollouts({ limit: -1 })).items
  const pages = await Promise.all(rollouts.map(({ rollout_id: rolloutId }) => store.querySpans({ rolloutId, limit: -1 })))
  const spans = pages.flatMap(({ items }) => items)
  const { record } = readArguments()
  if (record !== undefined) await writeFile(record, `${JSON.stringify({ source, spans }, null, 2)}\n`)

  // A call that two recorders saw has one response id.
  const calls = spans.flatMap((span) => readModelCall(span) ?? [])
  const tokens = new Map(calls.map((call) => [call.responseId, tokensOf(call)])).values()
  const rewards = pages.map(({ items }) => findFinalReward(items) ?? 0)
  console.log(JSON.stringify({ spans: spans.length, tokens: sum(tokens), reward: sum(rewards) / rewards.length }))
}

/** Token ids where the backend gave them, else what it counted. */
function tokensOf({ promptTokenIds, choices, usage }: ModelCall): number {
  const answered = choices[0]?.tokenIds
  if (promptTokenIds !== null && answered) return promptTokenIds.length + answered.length
  return (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0)
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0)
}
