import { parseArgs } from 'node:util'
import { AglError } from '@agl/types'
import { z } from 'zod'

export const help = `sft-shop-desk: a clerk agent whose model learns from its own good rollouts

A small language model (106 thousand parameters, in this process, no key, no download) works at the desk of a shop. It was
trained to imitate careless clerks and serves about 3 customers in 10. Then, round by round: it serves customers, what
earned the reward is kept, the model is trained on it, and the next version serves. The version that is best on the
validation customers is kept and scored on held-out customers that took no part in anything.

  npm run demo -- [options]

  --seed <n>            seed of everything: customers, sampling, training order (default 1)
  --heldout-seed <n>    seed of the held-out customers alone (default 4242)
  --iterations <n>      rounds (default 4)
  --tasks <n>           customers per round (default 128)
  --samples <n>         times each is served per round (default 4)
  --heldout <n>         held-out customers (default 400)
  --no-control          leave out the control: the same run with the rewards dealt out at random
  --out <folder>        where curve, transcripts and everything in the store are written
                        (default runs/sft-shop-desk-<seed>)
  --json                only results on standard output, one JSON line each; the last one is
                        {app, seed, before, after, interval, seconds}, where interval is the 95 % interval of after;
                        progress goes to standard error
  --help                this text

Every number comes out of the store: <folder>/rollouts.jsonl and <folder>/spans.jsonl hold each rollout with its attempt,
and each span with token ids and rewards.
`

export interface Settings {
  readonly seed: number
  readonly heldoutSeed: number
  readonly iterations: number
  readonly tasks: number
  readonly samples: number
  readonly heldout: number
  readonly withControl: boolean
  readonly out: string
  readonly json: boolean
}

const whole = z.coerce.number({ error: 'expected a whole number' }).pipe(z.int({ error: 'expected a whole number' }))
const count = whole.pipe(z.int().min(1, { error: 'expected a whole number of 1 or more' }))

const flagsSchema = z.object({
  seed: whole.default(1),
  'heldout-seed': whole.default(4242),
  iterations: count.default(4),
  tasks: count.default(128),
  samples: count.default(4),
  heldout: count.default(400),
})

/** The settings a command line asks for, or `help`. Throws `invalid_argument` with what is wrong. */
export function readSettings(args: readonly string[]): Settings | 'help' {
  const { help: isHelp, json, out, 'no-control': noControl, ...flags } = parseFlags(args)
  if (isHelp === true) return 'help'
  const parsed = flagsSchema.safeParse(flags)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `--${path.join('.')} ${String(flags[path[0] as keyof typeof flags])}: ${message}`,
    )
    throw new AglError({ code: 'invalid_argument', message: problems.join('\n') })
  }
  const { 'heldout-seed': heldoutSeed, ...counts } = parsed.data
  return {
    ...counts,
    heldoutSeed,
    withControl: noControl !== true,
    json: json === true,
    out: out ?? `runs/sft-shop-desk-${counts.seed}`,
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
        iterations: text,
        tasks: text,
        samples: text,
        heldout: text,
        out: text,
        'no-control': flag,
        json: flag,
        help: flag,
      },
    }).values
  } catch (error) {
    throw new AglError({
      code: 'invalid_argument',
      message: error instanceof Error ? error.message : String(error),
      cause: error,
    })
  }
}
