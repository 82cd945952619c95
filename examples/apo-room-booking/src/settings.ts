import { parseArgs } from 'node:util'
import type { Prices } from '@agl/algorithms'
import { AglError, errorMessage } from '@agl/types'
import { z } from 'zod'

export const help = `apo-room-booking: an agent that books meeting rooms, and the prompt that it does it best with

The agent looks rooms up with a tool and names one. Which room is right is known: a function grades it. The prompt that it
begins with leaves out how to choose among several rooms that would do. A critic reads what went wrong, an editor changes the
prompt, and what proves better on validation bookings is kept. Test bookings, which nobody has looked at, say what it is worth.

  pnpm --filter @agl/example-apo-room-booking start --base-url <url> --model <name> [options]

  --base-url <url>         any endpoint that speaks OpenAI's Chat Completions
  --model <name>           what the agent runs on; it has to call tools
  --optimizer-model <name> critic and editor, at the same endpoint (default: the agent's); a stronger one finds more
  --temperature <n>        of the agent (default: the model's own)
  --concurrency <n>        bookings at the same time (default 8)
  --tasks <n>              bookings: a fifth to learn from, three tenths to choose by, half to test on (default 140)
  --rounds <n>             rounds of criticism (default 3)
  --budget-usd <n>         the most that it may cost; needs a --price of each model
  --price <model=in,out>   US dollars for a million tokens; once for each model
  --seed <n>               of the office, the bookings and the search (default 1)
  --out <folder>           where the prompt and the report are written (default runs/apo-room-booking-<seed>); the same command
                           with the same folder goes on where it was stopped, and pays for nothing twice
  --json                   results on standard output as one JSON line {app, seed, before, after, interval, seconds}, where
                           interval is the 95 % interval of after; all else goes to standard error
  --help                   this text

OPENAI_API_KEY in the environment is sent as the key; local servers need none.
`

/** What to say to somebody who has not chosen a model yet. */
export const howToStart = `Which model? Give --base-url and --model. Three ways to one:

  Ollama (free, on this machine, https://ollama.com)
    ollama pull qwen3:8b
    pnpm --filter @agl/example-apo-room-booking start --base-url http://127.0.0.1:11434/v1 --model qwen3:8b --concurrency 2

  LM Studio (free, on this machine, https://lmstudio.ai): load a model that can use tools, then
    lms server start
    pnpm --filter @agl/example-apo-room-booking start --base-url http://127.0.0.1:1234/v1 --model <as "lms ls" names it>

  OpenAI
    export OPENAI_API_KEY=sk-…
    pnpm --filter @agl/example-apo-room-booking start --base-url https://api.openai.com/v1 --model gpt-4.1-nano \\
      --optimizer-model gpt-4.1-mini

--help lists all options.`

export interface Settings {
  readonly baseUrl: string
  readonly model: string
  readonly optimizerModel: string
  readonly temperature: number | null
  readonly concurrency: number
  readonly tasks: number
  readonly rounds: number
  readonly budgetUsd: number | null
  /** Null: none were given, and money is not counted. */
  readonly prices: Prices | null
  readonly seed: number
  readonly out: string
  readonly json: boolean
}

const number = z.coerce.number({ error: 'expected a number' }).min(0, { error: 'expected a number of 0 or more' })
const whole = z.coerce.number({ error: 'expected a whole number' }).pipe(z.int({ error: 'expected a whole number' }))
const count = whole.pipe(z.int().min(1, { error: 'expected a whole number of 1 or more' }))
const price = z
  .string()
  .regex(/^.+=[\d.]+,[\d.]+$/, { error: 'expected <model>=<input>,<output>, as in gpt-4.1-nano=0.1,0.4' })
  .transform((text): [string, { input: number; output: number }] => {
    const at = text.lastIndexOf('=')
    const [input = 0, output = 0] = text
      .slice(at + 1)
      .split(',')
      .map(Number)
    return [text.slice(0, at), { input, output }]
  })

const flagsSchema = z.object({
  'base-url': z.url({ protocol: /^https?$/, error: 'expected a URL such as http://127.0.0.1:11434/v1' }),
  model: z.string({ error: 'say which model the agent runs on' }).min(1),
  'optimizer-model': z.string().min(1).optional(),
  temperature: number.optional(),
  concurrency: count.default(8),
  tasks: whole.pipe(z.int().min(20, { error: 'expected 20 or more: fewer say nothing' })).default(140),
  rounds: count.default(3),
  'budget-usd': number.optional(),
  price: z.array(price).optional(),
  seed: whole.default(1),
})

/** The settings that a command line asks for. @throws AglError `invalid_argument` with what is wrong */
export function readSettings(args: readonly string[]): Settings | 'help' {
  const { help: isHelp, json, out, ...flags } = parseFlags(args)
  if (isHelp === true) return 'help'
  if (flags['base-url'] === undefined) throw refused(howToStart)
  const parsed = flagsSchema.safeParse(flags)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path: [name], message }) => {
      const given = flags[name as keyof typeof flags]
      return `--${String(name)}${given === undefined ? '' : ` ${String(given)}`}: ${message}`
    })
    throw refused(`${problems.join('\n')}\nTry --help.`)
  }
  const { model, temperature, concurrency, tasks, rounds, seed, price: prices, ...rest } = parsed.data
  if (rest['budget-usd'] !== undefined && prices === undefined) {
    throw refused(
      `--budget-usd needs to know what the models cost: --price ${model}=<input>,<output>, for a million tokens each.`,
    )
  }
  return {
    baseUrl: rest['base-url'],
    model,
    optimizerModel: rest['optimizer-model'] ?? model,
    temperature: temperature ?? null,
    concurrency,
    tasks,
    rounds,
    budgetUsd: rest['budget-usd'] ?? null,
    prices: prices === undefined ? null : Object.fromEntries(prices),
    seed,
    out: out ?? `runs/apo-room-booking-${seed}`,
    json: json === true,
  }
}

function parseFlags(args: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        'base-url': text,
        model: text,
        'optimizer-model': text,
        temperature: text,
        concurrency: text,
        tasks: text,
        rounds: text,
        'budget-usd': text,
        price: { type: 'string', multiple: true },
        seed: text,
        out: text,
        json: flag,
        help: flag,
      },
    }).values
  } catch (error) {
    throw refused(`${errorMessage(error)}\nTry --help.`)
  }
}

function refused(message: string): AglError {
  return new AglError({ code: 'invalid_argument', message })
}
