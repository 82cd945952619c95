import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Curve, drawCurveBars, drawCurves, estimateGain, estimateMean, type SftResult } from '@agl/algorithms'
import type { ShopTask } from '@agl/shop-desk'
import { createTerminalProgress } from '@agl/trainer'
import { AglError, errorMessage } from '@agl/types'
import { type Experiment, runExperiment } from './experiment.ts'
import { help, readSettings, type Settings } from './settings.ts'
import { exportStore, readHeldOut, readTranscript, type ServedCustomer } from './store-report.ts'

const app = 'sft-shop-desk'

async function main(args: readonly string[]): Promise<void> {
  const settings = readSettings(args)
  if (settings === 'help') return void process.stdout.write(help)
  const started = performance.now()
  await makeFolder(settings.out)
  const stream = settings.json ? process.stderr : process.stdout
  const say = (text: string): void => void stream.write(`${text}\n`)
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort(new AglError({ code: 'closed', message: 'Interrupted.' })))

  const run = async (shuffleRewards: boolean): Promise<Experiment> => {
    const progress = createTerminalProgress({ stream })
    try {
      return await runExperiment(settings, { shuffleRewards, onProgress: progress.show, signal: interrupted.signal })
    } finally {
      progress.done()
    }
  }

  say(`\nA clerk learns from its own good rollouts (seed ${settings.seed}, held-out seed ${settings.heldoutSeed})\n`)
  const main = await run(false)
  const outcome = await summarize(main, settings)
  const curves = [toCurve('learning from the reward', main.result)]

  let control: { readonly outcome: Outcome; readonly result: SftResult } | null = null
  if (settings.withControl) {
    say('\nControl: the same run, with the rewards dealt out at random\n')
    const shuffled = await run(true)
    control = { outcome: await summarize(shuffled, settings), result: shuffled.result }
    curves.push(toCurve('control: shuffled rewards', shuffled.result))
  }

  say(describe(outcome, control, curves[0]!))
  say(await writeFiles(settings, main, outcome, curves))
  const seconds = Math.round((performance.now() - started) / 100) / 10
  say(`Took ${seconds} s.\n`)
  if (!settings.json) return
  if (control !== null)
    process.stdout.write(`${JSON.stringify({ ...toJson(settings, control.outcome, seconds), control: 'shuffled-rewards' })}\n`)
  process.stdout.write(`${JSON.stringify(toJson(settings, outcome, seconds))}\n`)
}

function toCurve(label: string, { firstValReward, iterations }: SftResult): Curve {
  return { label, points: [firstValReward, ...iterations.map(({ valReward }) => valReward)] }
}

/** Before the run, not after it: a folder that cannot be made must not cost the results. */
async function makeFolder(folder: string): Promise<void> {
  const failure = (why: string): AglError =>
    new AglError({ code: 'invalid_argument', message: `--out ${folder}: the folder cannot be made: ${why}` })
  // Node never answers for some places, such as below /proc.
  const tooLong = sleep(5_000, null, { ref: false }).then(() => {
    throw failure('no answer within 5 s')
  })
  await Promise.race([mkdir(folder, { recursive: true }), tooLong]).catch((error: unknown) => {
    throw AglError.isInstance(error) ? error : failure(errorMessage(error))
  })
}

/** The held-out scores of a run, computed again from what its store holds. */
interface Outcome {
  readonly before: readonly ServedCustomer[]
  readonly after: readonly ServedCustomer[]
  readonly beforeReward: ReturnType<typeof estimateMean>
  readonly afterReward: ReturnType<typeof estimateMean>
  readonly gain: ReturnType<typeof estimateGain>
}

async function summarize({ store, result }: Experiment, { iterations }: Settings): Promise<Outcome> {
  const [before, after] = await Promise.all([readHeldOut(store, 0), readHeldOut(store, iterations)])
  const [a, b] = [before.map(({ score }) => score), after.map(({ score }) => score)]
  const known = (scores: readonly (number | null)[]): number[] => scores.filter((score) => score !== null)
  const pairs = a.flatMap((score, index) => (score === null || b[index] == null ? [] : [[score, b[index]] as const]))
  const outcome: Outcome = {
    before,
    after,
    beforeReward: estimateMean(known(a)),
    afterReward: estimateMean(known(b)),
    gain: estimateGain(
      pairs.map(([score]) => score),
      pairs.map(([, score]) => score),
    ),
  }
  if (outcome.afterReward.mean !== result.test?.after.mean) {
    throw new AglError({ code: 'internal', message: 'The store and the algorithm disagree about the held-out reward.' })
  }
  return outcome
}

function describe(
  { beforeReward, afterReward, gain }: Outcome,
  control: { readonly outcome: Outcome; readonly result: SftResult } | null,
  curve: Curve,
): string {
  const number = (value: number): string => value.toFixed(3)
  const interval = ({ low, high }: { low: number; high: number }): string => `[${number(low)}, ${number(high)}]`
  return [
    '',
    'Validation reward by round (95 % interval shaded)',
    drawCurveBars(curve),
    '',
    `Held-out reward   before ${number(beforeReward.mean)} ${interval(beforeReward)}   after ${number(afterReward.mean)} ${interval(afterReward)}`,
    `                  gain ${number(gain.mean)} ${interval(gain)} over ${gain.count} pairs: ${gain.low > 0 ? 'significant' : 'not significant'}`,
    ...(control === null
      ? []
      : [
          `Control           gain ${number(control.outcome.gain.mean)} with shuffled rewards: it kept ${control.result.version}`,
          `                  (its last version drifted by ${number(drift(control.result))} on the validation customers)`,
        ]),
    '',
  ].join('\n')
}

/** How far training on noise has moved the model: the validation reward of the last version, less the first's. */
function drift({ firstValReward, iterations }: SftResult): number {
  return (iterations.at(-1)?.valReward.mean ?? firstValReward.mean) - firstValReward.mean
}

async function writeFiles(
  settings: Settings,
  { store, testTasks }: Experiment,
  outcome: Outcome,
  curves: readonly Curve[],
): Promise<string> {
  const file = (name: string): string => join(settings.out, name)
  const transcript = describeTranscript(testTasks, outcome)
  await writeFile(file('transcript.txt'), `${transcript}\n`)
  await writeFile(file('learning-curve.svg'), drawCurves(curves, 'Reward on validation customers by training round'))
  const counts = await exportStore(store, { rollouts: file('rollouts.jsonl'), spans: file('spans.jsonl') })
  return [
    transcript,
    '',
    `In the store: ${counts.rollouts} rollouts, ${counts.modelCalls} model calls with token ids (${counts.sampledTokens} sampled), ${counts.rewards} rewards.`,
    `Written to ${settings.out}: learning-curve.svg, transcript.txt, rollouts.jsonl, spans.jsonl`,
  ].join('\n')
}

/** The first customer with more than one step whom the base served wrongly and the kept version rightly. */
function describeTranscript(tasks: readonly ShopTask[], { before, after }: Outcome): string {
  const learnt = tasks.flatMap((task, index) =>
    before[index]?.score === 0 && after[index]?.score === 1 ? [{ task, index }] : [],
  )
  const shown = learnt.find(({ task }) => task.kind === 'several' || task.kind === 'both') ?? learnt[0]
  if (shown === undefined) return 'No customer was served wrongly before and rightly after.'
  const { task, index } = shown
  const lines = (served: ServedCustomer): string =>
    readTranscript(served)
      .slice(1)
      .map(({ role, content }) => `    ${role === 'assistant' ? 'clerk ' : 'desk  '}  ${content}`)
      .join('\n')
  return [
    `One held-out customer asks: "${task.question}" (right answer: ${task.answer})`,
    '  before',
    lines(before[index]!),
    '  after',
    lines(after[index]!),
  ].join('\n')
}

function toJson({ seed }: Settings, { beforeReward, afterReward }: Outcome, seconds: number): Readonly<Record<string, unknown>> {
  const round = (value: number): number => Math.round(value * 1e4) / 1e4
  const { low, high } = afterReward
  return {
    app,
    seed,
    before: round(beforeReward.mean),
    after: round(afterReward.mean),
    interval: [round(low), round(high)],
    seconds,
  }
}

// A reader that has seen enough (`… | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  await main(process.argv.slice(2))
} catch (error) {
  const hint = AglError.isInstance(error, 'invalid_argument') ? '\nTry --help.' : ''
  process.stderr.write(`\n${app}: ${errorMessage(error)}${hint}\n`)
  process.exitCode = 1
  // What hangs in the system (see makeFolder) would keep the process.
  setTimeout(() => process.exit(1), 1_000).unref()
}
