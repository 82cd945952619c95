import { userInfo } from 'node:os'
import { controlExperiment, type ExperimentControl, type ExperimentState, experimentNames } from '@agl/algorithms'
import { AglError, type LightningStore } from '@agl/types'
import type { Command } from 'commander'
import { createLogger } from './logger.ts'
import { openStoreAt } from './open-store.ts'
import type { Surroundings } from './run.ts'

interface StoreFlags {
  readonly store: string
  readonly token?: string
  readonly namespace?: string
  readonly json: boolean
}

interface StepFlags extends StoreFlags {
  readonly by: string
  readonly reason: string
}

/** `agl experiment`: what stands, and roll-out and back without the program that defined it. */
export function addExperimentCommand(program: Command, surroundings: Surroundings): void {
  const group = program
    .command('experiment')
    .summary('see experiments of a store, roll out and back')
    .description(
      'Experiments: versions of resources that are held against each other. Every step is kept with who, when and why.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  agl experiment list --store runs.db\n  agl experiment history clerk --store http://127.0.0.1:4747\n' +
        '  agl experiment roll-out clerk guided 25 --store runs.db --reason "holds at 5 %"\n' +
        '  agl experiment rollback clerk --store runs.db --reason "customers complain"\n',
    )
  addCommand(group, 'list', 'the experiments of a store, and how they stand').action(async (flags: StoreFlags) =>
    withStore(flags, surroundings, (store) => list(store, flags, surroundings)),
  )
  addCommand(group, 'history <name>', 'every step of an experiment: who, when and why').action(
    async (name: string, flags: StoreFlags) =>
      withStore(flags, surroundings, async (store) => {
        const states = await controlExperiment({ store, name }).history()
        for (const state of states) surroundings.out(`${flags.json ? JSON.stringify(state) : describeStep(state)}\n`)
        if (states.length === 0) {
          throw new AglError({ code: 'not_found', message: `There is no experiment "${name}" in this store.` })
        }
      }),
  )
  addStep(group, 'roll-out <name> <arm> <percent>', 'give a share of the keys an arm').action(
    async (name: string, arm: string, percent: string, flags: StepFlags) =>
      step(name, flags, surroundings, (control) => control.rollOut({ arm, share: toPercent(percent) / 100, ...authorOf(flags) })),
  )
  addStep(group, 'promote <name> <arm>', 'give all an arm, and point the alias to it').action(
    async (name: string, arm: string, flags: StepFlags) =>
      step(name, flags, surroundings, (control) => control.promote({ arm, ...authorOf(flags) })),
  )
  addStep(group, 'rollback <name>', 'give all the control, and point the alias to where it did before').action(
    async (name: string, flags: StepFlags) => step(name, flags, surroundings, (control) => control.rollback(authorOf(flags))),
  )
}

function addCommand(group: Command, usage: string, summary: string): Command {
  return group
    .command(usage)
    .summary(summary)
    .description(`Shows ${summary}.`)
    .requiredOption('--store <address>', 'http://… of a server, redis://…, or the path of a SQLite file')
    .option('--token <token>', 'of a server that wants one; AGL_TOKEN in the environment keeps it out of the list of processes')
    .option('--namespace <name>', 'which of several stores in one Redis; default: agl')
    .option('--json', 'one line of JSON for each', false)
}

function addStep(group: Command, usage: string, summary: string): Command {
  return addCommand(group, usage, summary)
    .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}, at once and for all processes.`)
    .requiredOption('--reason <text>', 'why; kept for good')
    .option('--by <name>', 'who; default: the name of the user', userInfo().username)
}

function authorOf({ by, reason }: StepFlags): { readonly by: string; readonly reason: string } {
  return { by, reason }
}

function toPercent(text: string): number {
  const percent = Number(text.replace(/%$/, ''))
  if (percent > 0 && percent < 100) return percent
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected a percentage above 0 and below 100 (promote gives all the arm); got ${text}.`,
  })
}

async function withStore(
  { store: address, token = process.env['AGL_TOKEN'], namespace }: StoreFlags,
  { err }: Surroundings,
  work: (store: LightningStore) => Promise<void>,
): Promise<void> {
  const store = await openStoreAt({ address, token, namespace, logger: createLogger('warn', err) })
  try {
    await work(store)
  } finally {
    await store.close()
  }
}

async function step(
  name: string,
  flags: StepFlags,
  surroundings: Surroundings,
  take: (control: ExperimentControl) => Promise<ExperimentState>,
): Promise<void> {
  await withStore(flags, surroundings, async (store) => {
    const state = await take(controlExperiment({ store, name, logger: createLogger('warn', surroundings.err) }))
    surroundings.out(`${flags.json ? JSON.stringify(state) : `${describeStep(state)}\n${describeState(name, state)}`}\n`)
  })
}

async function list(store: LightningStore, { json }: StoreFlags, { out }: Surroundings): Promise<void> {
  const { items } = await store.queryRollouts({ rolloutIdContains: 'experiment-', limit: -1 })
  const names = items.flatMap(({ labels }) => labels[experimentNames.record] ?? [])
  for (const name of names) {
    const state = (await controlExperiment({ store, name }).history()).at(-1)
    if (state !== undefined) out(`${json ? JSON.stringify({ name, ...state }) : describeState(name, state)}\n`)
  }
  if (names.length === 0 && !json) out('There are no experiments in this store.\n')
}

function describeState(name: string, { phase, weights, control, arms, alias }: ExperimentState): string {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
  const shares = Object.entries(weights).map(([arm, weight]) => {
    const { resourcesId, version } = arms[arm]!
    const percent = toShare(weight / total)
    return `${arm}${arm === control ? ' (control)' : ''} ${percent} % ${resourcesId}@${version}`
  })
  return `${name}  ${phase.replace('_', ' ')}  ${shares.join(', ')}  alias ${alias}`
}

/** In percent; small shares are not rounded to nothing. */
function toShare(share: number): number {
  return Number((100 * share).toFixed(3))
}

function describeStep({ revision, time, action, candidate, weights, by, reason }: ExperimentState): string {
  const share = action === 'roll_out' && candidate !== null ? ` to ${toShare(weights[candidate]!)} %` : ''
  const what = `${action.replace('_', ' ')}${candidate === null ? '' : ` ${candidate}`}${share}`
  return `${revision}  ${new Date(time * 1000).toISOString()}  ${what}  by ${by}: ${reason}`
}
