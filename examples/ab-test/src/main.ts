import { createExperiment, type ExperimentComparison, type ExperimentResult, routeResources } from '@agl/algorithms'
import { createTasks, handWrittenPrompt, openPromptDesk, promptedClerk, type ShopTask } from '@agl/shop-desk'
import { createTrainer, handleInterrupts } from '@agl/trainer'
import { AglError, errorMessage, type LightningStore, type NamedResources } from '@agl/types'
import { help, readSettings, type Settings } from './settings.ts'

/** Without it the clerk often forgets to count: a difference that is there, and not at the first look. */
const sentence = 'when there is a quantity, multiply the unit price by the quantity.'
const shorterPrompt = handWrittenPrompt.replace(`${sentence} `, '')

async function main(args: readonly string[]): Promise<void> {
  const settings = readSettings(args)
  if (settings === 'help') return void process.stdout.write(help)
  const started = performance.now()
  const stream = settings.json ? process.stderr : process.stdout
  const say = (text: string): void => void stream.write(`${text}\n`)
  const desk = await openPromptDesk()
  try {
    const armOf = (template: string): { readonly resources: NamedResources } => ({
      resources: {
        llm: desk.llm,
        prompt: { resource_type: 'prompt_template', engine: 'f-string', template },
      },
    })
    say(
      `\nTwo prompts of a clerk (seed ${settings.seed}). The clerk is a language model of half a million parameters in this process.`,
    )
    say(settings.isControl ? '\nControl: both arms have the same prompt.\n' : `\nThe second one also says: ${sentence}\n`)
    const result = await handleInterrupts((signal) =>
      runTrial(
        settings,
        { shorter: armOf(settings.isControl ? handWrittenPrompt : shorterPrompt), full: armOf(handWrittenPrompt) },
        say,
        signal,
      ),
    )
    const seconds = Math.round((performance.now() - started) / 100) / 10
    say(`Took ${seconds} s.\n`)
    if (settings.json) process.stdout.write(`${JSON.stringify(toJson(settings, result, seconds))}\n`)
  } finally {
    await desk[Symbol.asyncDispose]()
  }
}

type Arms = Readonly<Record<'shorter' | 'full', { readonly resources: NamedResources }>>

async function runTrial(
  { seed, tasks: count }: Settings,
  arms: Arms,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<ExperimentResult> {
  const experiment = createExperiment({
    name: `prompts-${seed}`,
    arms,
    // Each customer comes once, and is who it is by what it asks and the seed it was drawn with.
    assign: { by: 'key', key: (task: ShopTask) => JSON.stringify(task) },
    detect: 0.2,
    seed,
    promote: true,
  })
  const trainer = createTrainer({
    algorithm: experiment,
    runner: { concurrency: 32 },
    onProgress(event) {
      if (event.type === 'plan') say(event.lines.map((line) => `  ${line}`).join('\n'))
    },
  })
  const stop = new AbortController()
  const following = follow(experiment, trainer.store, AbortSignal.any([signal, stop.signal]), say)
  try {
    const result = await trainer.fit(promptedClerk, createTasks(seed, count), { signal })
    stop.abort()
    await following
    say(`\n${describe(result)}\n\nVerdict: ${verdictOf(result)}`)
    await showRollOut(experiment, trainer.store, result, say)
    return result
  } finally {
    stop.abort()
    await following
    await trainer.store.close()
  }
}

type Trial = ReturnType<typeof createExperiment<ShopTask>>

/** What anybody who has the store may do while the trial goes on. */
async function follow(experiment: Trial, store: LightningStore, signal: AbortSignal, say: (text: string) => void): Promise<void> {
  const live = await experiment.open({ store })
  let told = 0
  for await (const comparison of live.comparisons({ signal, everyMs: 0 })) {
    const served = comparison.arms.reduce((sum, { rollouts }) => sum + rollouts, 0)
    if (served < told + customersPerLine) continue
    told = served
    say(`\nafter ${served} customers\n${describe(comparison)}`)
  }
  await live.close()
}

const customersPerLine = 40

async function showRollOut(
  experiment: Trial,
  store: LightningStore,
  { verdict, alias }: ExperimentResult,
  say: (text: string) => void,
): Promise<void> {
  say(`The alias ${alias!.alias} points to ${alias!.resourcesId}, version ${alias!.version}.`)
  if (verdict.kind !== 'better') return
  const live = await experiment.open({ store })
  try {
    const routed = createTasks(99, 1_000).map((task) => routeResources(live, task).arm)
    say(`\nOf 1,000 new customers ${routed.filter((arm) => arm === verdict.arm).length} are routed to it.`)
    await live.rollback({ by: 'example', reason: 'to show the way back' })
    const back = await store.getResourcesByAlias({ alias: alias!.alias })
    say(`Rolled back: the alias points to ${back!.resources_id}, version ${back!.version}.\n\nHistory`)
    for (const { revision, action, by, reason } of live.history()) say(`  ${revision}  ${action}  by ${by}: ${reason}`)
  } finally {
    await live.close()
  }
}

function describe({ arms, differences }: ExperimentComparison): string {
  const lines = arms.map(({ arm, rollouts, metrics }) => {
    const { mean, low, high } = metrics['reward']!
    return `  ${arm.padEnd(8)} ${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}), ${rollouts} customers`
  })
  const { difference, anytime } = differences[0]!
  return [
    ...lines,
    `  ${'differ by'} ${difference.mean.toFixed(3)}, surely ${anytime!.low.toFixed(3)} to ${anytime!.high.toFixed(3)} however often one looks`,
  ].join('\n')
}

function verdictOf({ verdict, control, plan }: ExperimentResult): string {
  switch (verdict.kind) {
    case 'better':
      return `${verdict.arm} is better than ${control}; it is promoted.`
    case 'worse':
      return `${control} is better; nothing is promoted.`
    case 'no_significant_difference':
      return `no significant difference (one of ${plan.detectable?.toFixed(2) ?? '?'} would most likely have been found); nothing is promoted.`
    case 'undecided':
    case 'not_comparable':
      return verdict.kind
    default:
      return verdict satisfies never
  }
}

function toJson({ seed }: Settings, { arms, differences }: ExperimentResult, seconds: number): object {
  const round = (value: number): number => Math.round(value * 10_000) / 10_000
  const [before, after] = arms.map(({ metrics }) => round(metrics['reward']!.mean))
  const { low, high } = differences[0]!.anytime!
  return { app: 'ab-test', seed, before, after, interval: [round(low), round(high)], seconds }
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`ab-test: ${errorMessage(error)}\n`)
  process.exitCode = AglError.isInstance(error, 'invalid_argument') ? 2 : 1
}
