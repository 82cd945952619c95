import { parseArgs } from 'node:util'
import { AglError } from '@agl/types'

export const help = `ab-test: two prompts of the shop desk held against each other

A clerk serves customers under one of two prompts, drawn by lot for each customer: one that a person wrote, and the same with a sentence
left out. The screen says first how many customers it takes to find a difference, then how the two stand while customers are served, and stops as soon as
the verdict is clear: one may look after every customer without being misled. The winner is promoted, a service routes customers to it, and then
it is taken back. The clerk is a small language model in this process; no key and no download is needed.

  pnpm --filter @agl/example-ab-test start -- [options]

  --seed <n>      seed of everything: customers, lots, sampling (default 1)
  --tasks <n>     customers at most (default 400)
  --control       both arms have the same prompt: there is nothing to find
  --json          only results on standard output: one line {app, seed, before, after, interval, seconds}, where before and after are
                  the mean rewards of the two arms, and interval is that of their difference, good for any number of looks
  --help          this text
`

export interface Settings {
  readonly seed: number
  readonly tasks: number
  readonly isControl: boolean
  readonly json: boolean
}

/** The settings a command line asks for, or `help`. Throws `invalid_argument` with what is wrong. */
export function readSettings(args: readonly string[]): Settings | 'help' {
  try {
    const { values } = parseArgs({
      args: args.filter((argument) => argument !== '--'),
      options: {
        seed: { type: 'string', default: '1' },
        tasks: { type: 'string', default: '400' },
        control: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return 'help'
    return {
      seed: toWhole(values.seed, 'seed'),
      tasks: toWhole(values.tasks, 'tasks'),
      isControl: values.control,
      json: values.json,
    }
  } catch (error) {
    if (AglError.isInstance(error)) throw error
    throw new AglError({ code: 'invalid_argument', message: `${(error as Error).message} (--help lists the options)` })
  }
}

function toWhole(text: string, flag: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new AglError({ code: 'invalid_argument', message: `--${flag}: expected a whole number; got ${text}.` })
}
