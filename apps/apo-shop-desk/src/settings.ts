import { parseArgs } from 'node:util'
import { AglError } from '@agl/types'
import { z } from 'zod'

export const help = `apo-shop-desk: a clerk agent whose prompt is improved by what a model says of its mistakes

A clerk serves customers with three tools, under a prompt that says little and one thing that does harm. Round by round some
customers are served, a critic is shown what went wrong, an editor rewrites the prompt, and the new prompts race on validation
customers. The prompt that is found is scored beside the first one on held-out customers that took no part in anything.

Without --model all of it happens in this process, without a key and without a download: a language model of half a million
parameters, 1 MB, is clerk, critic and editor. It is a trained specialist: it was taught all three roles by lessons that a program
drew in a fragment of English, and understands nothing else. The search is the real one, and prompts change what the clerk does because the
model reads them; critiques and edits can be wrong, and lose.

  npm run demo:apo -- [options]        or        pnpm demo:apo [options]

  --seed <n>              seed of everything: customers, sampling, search (default 1)
  --heldout-seed <n>      seed of the held-out customers alone (default 4242)
  --rounds <n>            rounds at most (default 8)
  --beam-width <n>        prompts that survive a round (default 3)
  --branch-factor <n>     new prompts from each (default 4)
  --mode <beam|pareto>    how parents are chosen (default beam)
  --train <n>, --validation <n>, --heldout <n>
                          customers (default 48, 96, 300)
  --no-control            leave out the control: the same search, with critiques and edits of random words
  --out <folder>          where the prompt, the report and the curve are written (default runs/apo-shop-desk-<seed>)
  --json                  only results on standard output, one JSON line each; the last one is
                          {app, seed, before, after, interval, seconds}, where interval is the 95 % interval of after
  --help                  this text

With a real model (OpenAI, Ollama, LM Studio, vLLM, any Chat Completions endpoint) the same search runs on it:

  --model <name>          who serves the customers
  --optimizer-model <name>  who criticizes and edits (default --model)
  --base-url <url>        where (default https://api.openai.com/v1); the key comes from OPENAI_API_KEY
  --concurrency <n>       customers served at the same time (default 8)

  ollama pull qwen3:4b
  pnpm demo:apo --base-url http://127.0.0.1:11434/v1 --model qwen3:4b --no-control
`

/** A model elsewhere. */
export interface RemoteModels {
  readonly baseUrl: string
  readonly model: string
  readonly optimizerModel: string
  readonly concurrency: number
}

export interface Settings {
  readonly seed: number
  readonly heldoutSeed: number
  readonly rounds: number
  readonly beamWidth: number
  readonly branchFactor: number
  readonly mode: 'beam' | 'pareto'
  readonly train: number
  readonly validation: number
  readonly heldout: number
  readonly withControl: boolean
  readonly out: string
  readonly json: boolean
  /** Null: the embedded one. */
  readonly remote: RemoteModels | null
}

const whole = z.coerce.number({ error: 'expected a whole number' }).pipe(z.int({ error: 'expected a whole number' }))
const count = whole.pipe(z.int().min(1, { error: 'expected a whole number of 1 or more' }))

const flagsSchema = z.object({
  seed: whole.default(1),
  'heldout-seed': whole.default(4242),
  rounds: count.default(8),
  'beam-width': count.default(3),
  'branch-factor': count.default(4),
  mode: z.enum(['beam', 'pareto'], { error: 'expected beam or pareto' }).default('beam'),
  train: count.default(48),
  validation: count.default(96),
  heldout: count.default(300),
  concurrency: count.default(8),
  'base-url': z.url({ protocol: /^https?$/, error: 'expected http://… or https://…' }).default('https://api.openai.com/v1'),
})

/** The settings a command line asks for, or `help`. Throws `invalid_argument` with what is wrong. */
export function readSettings(args: readonly string[]): Settings | 'help' {
  const given = parseFlags(args)
  const { help: isHelp, json, out, model, 'optimizer-model': optimizerModel = model, 'no-control': noControl, ...flags } = given
  if (isHelp === true) return 'help'
  const parsed = flagsSchema.safeParse(flags)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `--${path.join('.')} ${String(flags[path[0] as keyof typeof flags])}: ${message}`,
    )
    throw refused(problems.join('\n'))
  }
  const lonely = (['base-url', 'optimizer-model', 'concurrency'] as const).find((name) => given[name] !== undefined)
  if (model === undefined && lonely !== undefined)
    throw refused(`--${lonely} is about a model elsewhere: say which with --model.`)
  const { 'base-url': baseUrl, concurrency, 'heldout-seed': heldoutSeed, ...rest } = parsed.data
  const { 'beam-width': beamWidth, 'branch-factor': branchFactor, ...counts } = rest
  return {
    ...counts,
    heldoutSeed,
    beamWidth,
    branchFactor,
    withControl: noControl !== true,
    json: json === true,
    out: out ?? `runs/apo-shop-desk-${counts.seed}`,
    remote: model === undefined ? null : { baseUrl, model, optimizerModel: optimizerModel!, concurrency },
  }
}

function parseFlags(args: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: text,
        'heldout-seed': text,
        rounds: text,
        'beam-width': text,
        'branch-factor': text,
        mode: text,
        train: text,
        validation: text,
        heldout: text,
        out: text,
        model: text,
        'optimizer-model': text,
        'base-url': text,
        concurrency: text,
        'no-control': flag,
        json: flag,
        help: flag,
      },
    }).values
  } catch (error) {
    throw refused(error instanceof Error ? error.message : String(error), error)
  }
}

function refused(message: string, cause?: unknown): AglError {
  return new AglError({ code: 'invalid_argument', message, cause })
}
