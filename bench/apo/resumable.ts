// One search that may be killed at any moment: `resumable.ts FOLDER SEED`. Its store, its state and the record of what it paid for are in the folder.
import { appendFileSync } from 'node:fs'
import path from 'node:path'
import { createApo, openRun, traceToTriplets } from '@agl/algorithms'
import { createRunner, rollout } from '@agl/runner'
import { createModels, createWorld, placeholder, rewardOf, type Task } from '@agl/simulated-world'
import { createSqliteStore } from '@agl/store-sqlite'
import { silentLogger } from '@agl/types'
import { contestTasks, contestWorld } from './contest.ts'
import { contestOf } from './ours.ts'
import type { ResumableEnd } from './resume.ts'
import { contestOptions } from './settings.ts'

const [folder = '.', seedText = '1'] = process.argv.slice(2)
const seed = Number(seedText)
const world = createWorld({ seed, ...contestWorld })
const contest = contestOf(createModels(world), 8)
const store = createSqliteStore({ file: path.join(folder, 'store.db'), durability: 'normal' })
const journal = path.join(folder, 'calls.jsonl')
const note = (event: 'began' | 'settled', key: string): void => appendFileSync(journal, `${JSON.stringify([event, key])}\n`)

const agent = rollout<Task>(async (task, { promptTemplate, rollout: { rollout_id: id, metadata }, signal }) => {
  note('began', id)
  const text = promptTemplate.template.replaceAll(placeholder, task.text)
  return rewardOf(task, await contest.actor(text, Number(metadata?.['seed']), signal))
})
const stop = new AbortController()
const runner = createRunner({
  agent,
  store,
  concurrency: 8,
  // What a killed process held is free again soon.
  leaseMs: 500,
  hooks: [{ onRolloutSettled: ({ rollout: { rollout_id: id }, attempt }) => void (attempt !== null && note('settled', id)) }],
})
const running = runner.run({ signal: stop.signal })
const run = await openRun({ store, name: 'apo', runId: 'run-1', logger: silentLogger })
const result = await createApo<Task>({ model: contest.model, ...contestOptions('beam', 229, seed) }).run({
  store,
  adapter: traceToTriplets(),
  llmProxy: null,
  trainDataset: world.tasks(contestTasks.train),
  valDataset: world.tasks(contestTasks.val, contestTasks.train),
  initialResources: { prompt: { resource_type: 'prompt_template', template: world.seedPrompt, engine: 'f-string' } },
  signal: stop.signal,
  logger: silentLogger,
  state: run.state,
  report: run.report,
})
await run.end(null)
stop.abort()
await running
await store.close()
const { best, val, lineage, rounds, verdict } = result
const end: ResumableEnd = {
  result: {
    best,
    val,
    lineage,
    verdict,
    rounds: rounds.map((round) => ({ ...round, spent: { ...round.spent, minutes: null } })),
  },
}
process.send?.(end)
