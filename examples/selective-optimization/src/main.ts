import { parseArgs } from 'node:util'
import { collectRollouts, type Estimate, estimateMean } from '@agl/algorithms'
import { createRunner } from '@agl/runner'
import { createTasks, openPromptDesk, seedPrompt } from '@agl/shop-desk'
import { createMemoryStore } from '@agl/store-memory'
import { createOtelTracer } from '@agl/tracer-otel'
import { handleInterrupts } from '@agl/trainer'
import { errorMessage, type LightningStore } from '@agl/types'
import { createAgents, signTemplate } from './agents.ts'
import { improve } from './improve.ts'
import { createSignWriter } from './signs.ts'

const help = `selective-optimization: two agents in one system, one is optimized and the other keeps its snapshot

A clerk and a writer of signs share a store and its runners. While the clerk's prompt is improved (a small language model in this process is clerk, critic
and editor), signs go on being written, pinned to the version they had: new prompts of the clerk are stored all the time, and no sign sees one.

  pnpm --filter @agl/example-selective-optimization start -- [options]

  --seed <n>    seed of customers and search (default 1)
  --unpinned    what happens where signs are not pinned: they take the latest resources of the store, which are the clerk's
  --json        only results on standard output: one line {app, seed, before, after, interval, seconds} of the clerk
  --help        this text
`

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    seed: { type: 'string', default: '1' },
    unpinned: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const stream = values.json ? process.stderr : process.stdout
const say = (text: string): void => void stream.write(`${text}\n`)
const heldout = createTasks(4242, 150)

async function main(): Promise<void> {
  const started = performance.now()
  const desk = await openPromptDesk()
  const store = createMemoryStore()
  const stop = new AbortController()
  // The system: runners that are always there, for both agents.
  const tracer = createOtelTracer()
  const serving = createRunner({ agent: createAgents(), store, tracer, concurrency: 16 }).run({ signal: stop.signal })
  try {
    const { llm } = desk
    const prompt = { resource_type: 'prompt_template', engine: 'f-string', template: seedPrompt } as const
    const clerk = await store.updateResources({ resourcesId: 'clerk', resources: { llm, prompt } })
    const sign = { resource_type: 'prompt_template', engine: 'f-string', template: signTemplate } as const
    const signs = await store.updateResources({ resourcesId: 'signs', resources: { sign } })
    await store.setResourcesAlias({ alias: 'clerk.stable', resourcesId: 'clerk', version: clerk.version })
    const writer = createSignWriter(store, values.unpinned ? null : signs, stop.signal)
    await writer.write(30)
    say(`\nTwo agents in one system (seed ${seed}): a clerk, and a writer of signs with "${signTemplate}"`)

    const before = await serveByAlias(store, stop.signal)
    say(`The clerk serves ${before.mean.toFixed(3)} of the customers. Its prompt is improved, and signs go on being written ...`)
    const found = await handleInterrupts((signal) =>
      writer.whileWriting(() => improve(store, tracer, { llm, prompt, seed }, signal)),
    )
    await store.setResourcesAlias({ alias: 'clerk.stable', ...found })
    const after = await serveByAlias(store, stop.signal)
    await writer.write(30)

    const snapshots = (await store.queryResources()).total
    const { written, good, versions } = await writer.judge()
    say(
      `The clerk serves ${after.mean.toFixed(3)} (${after.low.toFixed(3)} to ${after.high.toFixed(3)}); clerk.stable points to ${found.resourcesId}, version ${found.version}.`,
    )
    say(
      `Meanwhile ${snapshots - 2} snapshots of clerks were stored, and ${written} signs were written: ${good} right, with ${versions.join(', ')}.`,
    )
    const seconds = Math.round((performance.now() - started) / 100) / 10
    say(`Took ${seconds} s.\n`)
    const round = (value: number): number => Math.round(value * 1_000) / 1_000
    const interval = [round(after.low), round(after.high)]
    if (values.json) {
      const line = {
        app: 'selective-optimization',
        seed,
        before: round(before.mean),
        after: round(after.mean),
        interval,
        seconds,
      }
      process.stdout.write(`${JSON.stringify(line)}\n`)
    }
  } finally {
    stop.abort()
    await serving
    await tracer.close()
    await store.close()
    await desk[Symbol.asyncDispose]()
  }
}

/** Serves customers as a service would: with whatever the alias points to. */
async function serveByAlias(store: LightningStore, signal: AbortSignal): Promise<Estimate> {
  const { resources_id, version: resources_version } = (await store.getResourcesByAlias({ alias: 'clerk.stable' }))!
  const requests = heldout.map((input, index) => ({ input, resources_id, resources_version, metadata: { seed: index } }))
  const collected = await collectRollouts({ store, signal }, requests)
  return estimateMean(collected.flatMap(({ score }) => score ?? []))
}

if (values.help) process.stdout.write(help)
else {
  await main().catch((error: unknown) => {
    process.stderr.write(`selective-optimization: ${errorMessage(error)}\n`)
    process.exitCode = 1
  })
}
