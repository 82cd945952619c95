import { AglError, type AttemptedRollout } from '@agl/types'

type Claimed = readonly AttemptedRollout[]

/**
 * The claims of one server that are under way, by their idempotency key. Whoever gives a claim up asks under its key what
 * became of it, and that question may come before the server has noticed that the connection of the claim is gone: the
 * claim, still parked, would then be given work that nobody asks for again.
 */
export interface KeyedClaims {
  /** Runs a claim, and aborts the signal that it is given with `signal`, or when it is ended. */
  run(key: string, signal: AbortSignal, claim: (signal: AbortSignal) => Promise<Claimed>): Promise<Claimed>
  /** Ends the claims with this key; resolves when they have claimed or will claim nothing any more. */
  end(key: string): Promise<void>
}

interface UnderWay {
  end(): void
  readonly settled: Promise<unknown>
}

const ignore = (): void => {}

export function createKeyedClaims(): KeyedClaims {
  const underWay = new Map<string, Set<UnderWay>>()
  return {
    async run(key, signal, claim) {
      const given = new AbortController()
      const claiming = claim(AbortSignal.any([signal, given.signal]))
      const entry: UnderWay = {
        end: () => given.abort(new AglError({ code: 'closed', message: 'The claim was given up by its caller.' })),
        settled: claiming.then(ignore, ignore),
      }
      const entries = underWay.get(key) ?? new Set()
      underWay.set(key, entries.add(entry))
      try {
        return await claiming
      } finally {
        entries.delete(entry)
        if (entries.size === 0 && underWay.get(key) === entries) underWay.delete(key)
      }
    },
    async end(key) {
      const entries = [...(underWay.get(key) ?? [])]
      for (const entry of entries) entry.end()
      await Promise.all(entries.map((entry) => entry.settled))
    },
  }
}
