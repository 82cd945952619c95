import { readFileSync } from 'node:fs'
import { AglError, errorMessage } from '@agl/types'
import { Command, CommanderError } from 'commander'
import { addExperimentCommand } from './experiment.ts'
import { addExportCommand } from './export.ts'
import { addRunCommand } from './run-file/command.ts'
import { addRunnerCommand } from './runner.ts'
import { addStoreCommand } from './store.ts'

export interface RunOptions {
  /** Where answers go. Default: standard output. */
  readonly out?: (text: string) => void
  /** Where logs and errors go. Default: standard error. */
  readonly err?: (text: string) => void
  /** Whether a person watches the errors go by, who is shown how far long work is. Default: whether standard error is a terminal. */
  readonly isTerminal?: boolean
  /** Ends what runs until it is told to; the command line listens to SIGINT and SIGTERM as well. */
  readonly signal?: AbortSignal
}

/** What commands may use of the world around them. */
export interface Surroundings {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly isTerminal: boolean
  readonly signal: AbortSignal | undefined
  /** The exit status of a command that did its work, if it is not to be 0. */
  readonly setStatus: (status: number) => void
}

/** Runs `agl` with these arguments; answers the exit status: 0, 1 for what failed, 2 for a wrong use, 130 for a run that was interrupted. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<number> {
  const out = options.out ?? ((text: string) => void process.stdout.write(text))
  const err = options.err ?? ((text: string) => void process.stderr.write(text))
  const isTerminal = options.isTerminal ?? (options.err === undefined && process.stderr.isTTY)
  let status = 0
  const program = new Command('agl')
    .description('AGL makes AI agents better by experience.')
    .version(ownVersion())
    .configureOutput({ writeOut: out, writeErr: err })
    .showHelpAfterError('(agl --help shows the commands, agl COMMAND --help the options of one)')
    .exitOverride()
    // What stands behind `run` is for the flags of its schema.
    .enablePositionalOptions()
  const surroundings: Surroundings = { out, err, isTerminal, signal: options.signal, setStatus: (value) => (status = value) }
  addStoreCommand(program, surroundings)
  addRunnerCommand(program, surroundings)
  addExportCommand(program, surroundings)
  addExperimentCommand(program, surroundings)
  addRunCommand(program, surroundings)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    err(`agl: ${errorMessage(error)}\n`)
    return AglError.isInstance(error, 'invalid_argument') ? 2 : 1
  }
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly version: string
  }
  return version
}
