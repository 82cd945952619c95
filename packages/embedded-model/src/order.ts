/** Runs what it is given one after the other, in the order given. */
export type InOrder = <T>(run: () => Promise<T>, signal?: AbortSignal) => Promise<T>

/** An abort takes a call out of the line at once; once begun it is finished. */
export function createOrder(): InOrder {
  let tail: Promise<void> = Promise.resolve()
  return (run, signal) => {
    const turn = tail
    const result = untilAborted(turn, signal).then(run)
    // Whoever comes next waits for the calls before, also for those before one that was aborted. Results are let go of.
    tail = Promise.allSettled([turn, result]).then(() => {})
    return result
  }
}

async function untilAborted(turn: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  if (signal === undefined) {
    await turn
    return
  }
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    await Promise.race([turn, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
