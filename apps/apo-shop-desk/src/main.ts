import { mkdir } from 'node:fs/promises'
import { type ApoCandidate, type ApoResult, type Curve, drawCurveBars, type Estimate } from '@agl/algorithms'
import { handWrittenPrompt } from '@agl/shop-desk'
import { createTerminalProgress, handleInterrupts } from '@agl/trainer'
import { AglError, errorMessage } from '@agl/types'
import { type DeskModels, openEmbeddedModels, openRemoteModels } from './desk-models.ts'
import { search } from './search.ts'
import { help, readSettings, type Settings } from './settings.ts'

const app = 'apo-shop-desk'

async function main(args: readonly string[], apiKey: string | null): Promise<void> {
  const settings = readSettings(args)
  if (settings === 'help') return void process.stdout.write(help)
  const started = performance.now()
  await mkdir(settings.out, { recursive: true })
  const stream = settings.json ? process.stderr : process.stdout
  const say = (text: string): void => void stream.write(`${text}\n`)
  const models = settings.remote === null ? await openEmbeddedModels() : openRemoteModels(settings.remote, apiKey)
  try {
    say(`\nA clerk's prompt is improved by what went wrong (seed ${settings.seed}, held-out seed ${settings.heldoutSeed})`)
    say(`Here ${models.description}.\n`)
    const result = await watched(settings, models, stream, false)
    let control: ApoResult | null = null
    if (settings.withControl) {
      say('\nControl: the same search, with critiques and edits of random words\n')
      control = await watched(settings, models, stream, true)
    }
    const seconds = Math.round((performance.now() - started) / 100) / 10
    say(describe(result, control, settings.out))
    say(`Took ${seconds} s.\n`)
    if (!settings.json) return
    const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
    if (control !== null) print({ ...toJson(settings, control, seconds), control: 'random-words' })
    print(toJson(settings, result, seconds))
  } finally {
    await models.close()
  }
}

async function watched(
  settings: Settings,
  models: DeskModels,
  stream: NodeJS.WriteStream,
  isControl: boolean,
): Promise<ApoResult> {
  const progress = createTerminalProgress({ stream })
  try {
    return await handleInterrupts((signal) => search(settings, models, { isControl, onProgress: progress.show, signal }))
  } finally {
    progress.done()
  }
}

const verdicts: Readonly<Record<ApoResult['verdict'], string>> = {
  improved: 'significant',
  no_significant_difference: 'not significant',
  worse: 'a loss',
}

function describe(result: ApoResult, control: ApoResult | null, out: string): string {
  const { before, after, gain } = testOf(result)
  return [
    '',
    'How the prompt grew, each change with the critique that caused it, and its score on the validation customers it was run on',
    ...pathOf(result).flatMap(describeStep),
    '',
    'Validation reward of the leading prompt by round (95 % interval shaded)',
    drawCurveBars(toCurve(result)),
    '',
    `Held-out reward   first prompt ${show(before)}   found prompt ${show(after)}`,
    `                  gain ${show(gain)} over ${gain.count} customers: ${verdicts[result.verdict]}`,
    ...(control === null
      ? []
      : [`Control           gain ${show(testOf(control).gain)} with random words: ${verdicts[control.verdict]}`]),
    '',
    `In ${out}: resources.ts (import { prompt } from it), report.md, learning-curve.svg, artifact.json`,
    ...(result.replay === null
      ? []
      : [
          `Read back and run again on ${result.replay.tasks} customers: ${result.replay.mean.toFixed(3)}, was ${result.replay.claimed.toFixed(3)}.`,
        ]),
    `A person who knows the desk would write: ${handWrittenPrompt}`,
    `${result.spent.rollouts} customers served, ${result.spent.modelCalls} model calls.`,
    '',
  ].join('\n')
}

type Step = ApoCandidate & { readonly val: Estimate | null; readonly before: string }

function pathOf({ lineage, best }: ApoResult): readonly Step[] {
  const path: Step[] = []
  for (let id: string | undefined = best.id; id !== undefined;) {
    const candidate = lineage.find((each) => each.id === id)!
    ;[id] = candidate.parents
    const parent = lineage.find((each) => each.id === id)
    path.unshift({ ...candidate, before: parent === undefined ? '' : textOf(parent) })
  }
  return path
}

function describeStep({ id, critique, val, before, ...candidate }: Step): readonly string[] {
  const [old, now] = [sentences(before), sentences(textOf(candidate))]
  return [
    ...(critique === null ? [] : [`  critique: ${critique}`]),
    `  ${id}${val === null ? '' : `  ${show(val)}`}`,
    ...old.filter((sentence) => !now.includes(sentence)).map((sentence) => `    - ${sentence}`),
    ...now.filter((sentence) => !old.includes(sentence)).map((sentence) => `    + ${sentence}`),
  ]
}

function textOf({ templates }: Pick<ApoCandidate, 'templates'>): string {
  return templates['prompt']!.template
}

function sentences(text: string): readonly string[] {
  return text.split(/(?<=[.!?:])\s+/).filter((sentence) => sentence !== '')
}

function toCurve({ val, rounds }: ApoResult): Curve {
  return { label: 'validation', points: [val!.before, ...rounds.flatMap(({ leader }) => leader ?? [])] }
}

function testOf({ test }: ApoResult): NonNullable<ApoResult['test']> {
  if (test !== null && test.gain.count > 0) return test
  throw new AglError({
    code: 'training_failed',
    message: 'No held-out customer could be served with both prompts: the model did not answer.',
  })
}

function show({ mean, low, high }: Estimate): string {
  return `${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`
}

function toJson({ seed }: Settings, result: ApoResult, seconds: number): Readonly<Record<string, unknown>> {
  const round = (value: number): number => Math.round(value * 1e4) / 1e4
  const { before, after } = testOf(result)
  return {
    app,
    seed,
    before: round(before.mean),
    after: round(after.mean),
    interval: [round(after.low), round(after.high)],
    seconds,
  }
}

// A reader that has seen enough (`… | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  await main(process.argv.slice(2), process.env['OPENAI_API_KEY'] ?? null)
} catch (error) {
  const hint = AglError.isInstance(error, 'invalid_argument') ? '\nTry --help.' : ''
  process.stderr.write(`\n${app}: ${errorMessage(error)}${hint}\n`)
  process.exitCode = 1
}
