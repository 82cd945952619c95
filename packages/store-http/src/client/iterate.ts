import type { Scope } from './scopes.ts'

/**
 * An iterable over what a generator yields, whose readers may leave at any time: also while they wait for the next item,
 * when a generator by itself would answer only after that item came.
 * @param open makes the scope of one iteration, with the first question
 * @param run yields until the scope's signal is aborted, and then throws
 */
export function leavable<Item>(open: () => Scope, run: (scope: Scope) => AsyncGenerator<Item, void, void>): AsyncIterable<Item> {
  return { [Symbol.asyncIterator]: () => iterate(open, run) }
}

function iterate<Item>(open: () => Scope, run: (scope: Scope) => AsyncGenerator<Item, void, void>): AsyncIterator<Item> {
  const left = new AbortController()
  let scope: Scope | null = null
  let items: AsyncGenerator<Item, void, void> | null = null
  const done = { done: true, value: undefined } as const

  const begin = (): AsyncGenerator<Item, void, void> => {
    const own = open()
    scope = own
    const controller = new AbortController()
    const stop = (): void => controller.abort(left.signal.aborted ? left.signal.reason : own.signal.reason)
    if (own.signal.aborted) stop()
    for (const signal of [own.signal, left.signal]) signal.addEventListener('abort', stop, { once: true })
    return run({ signal: controller.signal, end: own.end })
  }
  return {
    async next() {
      if (left.signal.aborted) return done
      try {
        items ??= begin()
        const result = await items.next()
        if (result.done === true) scope?.end()
        return left.signal.aborted ? done : result
      } catch (error) {
        scope?.end()
        // Whoever left has had enough of it, errors included.
        if (left.signal.aborted) return done
        throw error
      }
    },
    async return() {
      left.abort()
      scope?.end()
      await items?.return().catch(() => {})
      return done
    },
  }
}
