import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type ApoResult,
  createApo,
  createFileState,
  createOpenAiModel,
  type Estimate,
  hashJson,
  splitDataset,
} from '@agl/algorithms'
import { createOtelTracer, createTracedFetch } from '@agl/tracer-otel'
import { createTerminalProgress, createTrainer, handleInterrupts, type TerminalProgress } from '@agl/trainer'
import { AglError, errorMessage, type JsonValue, type PromptTemplate } from '@agl/types'
import OpenAI from 'openai'
import { createBookingAgent, seedPrompt } from './agent.ts'
import { createOffice } from './office.ts'
import { help, readSettings, type Settings } from './settings.ts'
import { createTasks } from './tasks.ts'

const app = 'apo-room-booking'

async function main(args: readonly string[], apiKey: string | null): Promise<void> {
  const settings = readSettings(args)
  if (settings === 'help') return void process.stdout.write(help)
  const started = performance.now()
  const stream = settings.json ? process.stderr : process.stdout
  const say = (text: string): void => void stream.write(`${text}\n`)

  say(`\nRooms are booked by ${settings.model}, prompts are written by ${settings.optimizerModel} (seed ${settings.seed})\n`)
  await checkModels(settings, apiKey)
  const progress = createTerminalProgress({ stream })
  const result = await handleInterrupts((signal) => findPrompt(settings, { apiKey, progress, signal })).finally(progress.done)
  const seconds = Math.round((performance.now() - started) / 100) / 10
  say(describe(result, settings.out, seconds))
  if (settings.json) process.stdout.write(`${JSON.stringify(toJson(settings, result, seconds))}\n`)
}

/** Before anything is spent: a wrong key or name would cost every rollout its tries. */
async function checkModels(settings: Settings, apiKey: string | null): Promise<void> {
  const { baseUrl, model, optimizerModel } = settings
  for (const name of new Set([model, optimizerModel])) {
    const retry = { attempts: 2 }
    await createOpenAiModel({ baseUrl, model: name, apiKey, retry }).chat({ messages: [{ role: 'user', content: 'Say: ready' }] })
  }
}

async function findPrompt(
  settings: Settings,
  parts: { readonly apiKey: string | null; readonly progress: TerminalProgress; readonly signal: AbortSignal },
): Promise<ApoResult> {
  const { apiKey, progress, signal } = parts
  const { baseUrl, model, optimizerModel, temperature, concurrency, rounds, prices, budgetUsd, seed, out } = settings
  const office = createOffice(seed)
  const { train, val, test } = splitDataset(
    createTasks(office, { count: settings.tasks, seed }),
    { train: 0.2, val: 0.3, test: 0.5 },
    { seed },
  )
  const client = new OpenAI({ baseURL: baseUrl, apiKey: apiKey ?? 'none', maxRetries: 5, fetch: createTracedFetch() })
  const tracer = createOtelTracer()
  await mkdir(out, { recursive: true })
  // What was paid for under other settings is not taken for what would come out under these.
  const asked: JsonValue = { baseUrl, model, optimizerModel, temperature, tasks: settings.tasks, seed, seedPrompt }
  const trainer = createTrainer({
    algorithm: createApo({
      model: createOpenAiModel({ baseUrl, model: optimizerModel, apiKey }),
      beamWidth: 2,
      branchFactor: 3,
      beamRounds: rounds,
      finalists: 2,
      testDataset: test,
      concurrency,
      seed,
      saveTo: out,
      prices,
      ...(budgetUsd === null ? {} : { budget: { usd: budgetUsd } }),
    }),
    initialResources: { prompt: { resource_type: 'prompt_template', engine: 'f-string', template: seedPrompt } },
    tracer,
    runner: { concurrency, attemptTimeoutMs: 300_000 },
    state: createFileState(join(out, `state-${hashJson(asked).slice(0, 8)}.jsonl`)),
    onProgress: progress.show,
  })
  try {
    return await trainer.fit(createBookingAgent({ client, model, office, temperature }), train, { valDataset: val, signal })
  } finally {
    await tracer.close()
    await trainer.store.close()
  }
}

const verdicts: Readonly<Record<ApoResult['verdict'], string>> = {
  improved: 'a real gain',
  no_significant_difference: 'within what chance can do',
  worse: 'a real loss',
}

function describe(result: ApoResult, out: string, seconds: number): string {
  const { val, verdict, best, replay, spent } = result
  const { before, after, gain } = testOf(result)
  const left = Object.entries(result.leftOut).map(([outcome, count]) => `${count} ${outcome}`)
  return [
    '',
    `Reward on ${gain.count} test bookings, which had no part in any choice`,
    `  first prompt ${show(before)}   kept prompt ${show(after)}`,
    `  gain         ${show(gain)}: ${verdicts[verdict]}`,
    ...(val === null ? [] : [`On the validation bookings, by which it was chosen: ${show(val.before)} → ${show(val.after)}`]),
    ...(left.length === 0 ? [] : [`Left out: ${left.join(', ')}`]),
    '',
    best.id === result.first.id ? 'The first prompt is kept: nothing that was tried is better.' : 'The prompt that was found:',
    (best.templates['prompt'] as PromptTemplate).template.replaceAll(/^/gm, '  '),
    '',
    `In ${out}: resources.ts (import { prompt } from it), report.md, artifact.json`,
    ...(replay === null
      ? []
      : [`Read back and run on ${replay.tasks} test bookings: ${replay.mean.toFixed(3)}, was ${replay.claimed.toFixed(3)}.`]),
    `Took ${seconds} s, ${spent.rollouts} bookings, ${spent.modelCalls} model calls, ${spent.tokens} tokens${spent.usd > 0 ? `, ${spent.usd.toFixed(2)} US dollars` : ''}.`,
    '',
  ].join('\n')
}

function show({ mean, low, high }: Estimate): string {
  return `${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`
}

function testOf({ test }: ApoResult): NonNullable<ApoResult['test']> {
  if (test !== null && test.gain.count > 0) return test
  throw new AglError({
    code: 'training_failed',
    message: 'No test booking could be run with both prompts: the model did not answer.',
  })
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
  const hint = AglError.isInstance(error, 'closed') ? '\nThe same command goes on from here.' : ''
  process.stderr.write(`\n${app}: ${errorMessage(error)}${hint}\n`)
  process.exitCode = 1
}
