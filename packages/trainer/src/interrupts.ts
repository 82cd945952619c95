import { AglError } from '@agl/types'

const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']

/**
 * Runs work that Ctrl-C and SIGTERM may end, for programs: the first aborts the signal that the work is given, with which `fit`
 * hands back what runs and leaves nothing behind; the second ends the process at once, with exit code 130. Both mean what they
 * always do again when the work has settled.
 */
export async function handleInterrupts<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort(
      new AglError({ code: 'closed', message: `Interrupted by ${name}; a second one ends at once.`, data: { signal: name } }),
    )
  }
  for (const name of signals) process.on(name, onSignal)
  try {
    return await work(controller.signal)
  } finally {
    for (const name of signals) process.off(name, onSignal)
  }
}
