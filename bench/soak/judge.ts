import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isFinished } from '@agl/store-kit'
import type { LightningStore, RolloutStatus } from '@agl/types'
import { nextTimer } from '../lib/loop-delay.ts'
import { rolloutIdOf, untilDone } from './parts.ts'

/** What a run has to answer for. */
export interface Verdict {
  /** Rollouts that did not end as succeeded, or are gone. */
  readonly lost: number
  /** Rollouts with a history other than one ending, which is that of their last attempt. */
  readonly doubled: number
  /** Attempts that nobody will ever settle. */
  readonly leftOpen: number
  readonly acknowledgedSpans: number
  /** Spans that were acknowledged and are not there. */
  readonly missingSpans: number
  /** Span ids or sequence ids of one attempt that are there twice. */
  readonly doubledSpans: number
  /** From the end of a lease until its attempt was settled for it, in seconds; one for each. */
  readonly requeueSeconds: readonly number[]
}

/** Follows the feed through the whole run, whoever dies meanwhile. */
export interface Watcher {
  /** How often each rollout was finished. */
  readonly endings: ReadonlyMap<string, number>
  readonly requeueSeconds: readonly number[]
  /** The feed could not be followed without a gap. */
  readonly hasGap: boolean
  /** Resolves when the feed is open: what happens before is not seen. */
  readonly opened: Promise<void>
  stop(): Promise<void>
}

export function watchStore(store: LightningStore): Watcher {
  const endings = new Map<string, number>()
  const statuses = new Map<string, RolloutStatus>()
  const leases = new Map<string, number>()
  const requeueSeconds: number[] = []
  const ended = new AbortController()
  const opened = Promise.withResolvers<void>()
  let cursor: string | undefined
  let hasGap = false
  const onOpen = (at: string): void => {
    cursor ??= at
    opened.resolve()
  }

  const follow = async (): Promise<void> => {
    for await (const event of store.watch({ ...(cursor === undefined ? {} : { after: cursor }), onOpen, signal: ended.signal })) {
      cursor = event.cursor
      if (event.type === 'rollout') {
        const { rollout_id: id, status } = event.rollout
        const before = statuses.get(id)
        statuses.set(id, status)
        if (isFinished(status) && (before === undefined || !isFinished(before))) endings.set(id, (endings.get(id) ?? 0) + 1)
      }
      if (event.type === 'attempt') {
        const { attempt_id: id, lease_expires: lease, status } = event.attempt
        if (lease !== null) leases.set(id, lease)
        const expired = leases.get(id)
        if (status === 'unresponsive' && expired !== undefined) requeueSeconds.push(event.time - expired)
      }
    }
  }
  const following = (async () => {
    while (!ended.signal.aborted) {
      try {
        await untilDone(follow)
      } catch (error) {
        if (ended.signal.aborted) return
        hasGap = true
        cursor = undefined
        process.stderr.write(`the feed was lost: ${String(error)}\n`)
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
  })()
  return {
    endings,
    requeueSeconds,
    opened: opened.promise,
    get hasGap() {
      return hasGap
    },
    async stop() {
      ended.abort()
      await following.catch(() => {})
    },
  }
}

/** The feed may be behind on a busy machine; a rollout that ends once more does so soon after the last. */
export async function untilTold({ endings }: Watcher, rollouts: number): Promise<void> {
  for (let looks = 0; looks < 100 && endings.size < rollouts; looks++) await nextTimer(100)
  await nextTimer(300)
}

/** Reads the store when all is quiet, and holds it against what was acknowledged and what the feed has told. */
export async function judge(
  store: LightningStore,
  { rollouts, folder, watcher }: { readonly rollouts: number; readonly folder: string; readonly watcher: Watcher },
): Promise<Verdict> {
  const acknowledged = readAcknowledged(folder)
  let [lost, doubled, leftOpen, missingSpans, doubledSpans, acknowledgedSpans] = [0, 0, 0, 0, 0, 0]
  for (let index = 0; index < rollouts; index++) {
    const rolloutId = rolloutIdOf(index)
    const rollout = await store.getRolloutById({ rolloutId })
    if (rollout?.status !== 'succeeded') {
      lost++
      continue
    }
    const { items: attempts } = await store.queryAttempts({ rolloutId })
    // An attempt that was given up for dead and then came to its end may say so of itself: it no longer ends the rollout.
    if (attempts.at(-1)?.status !== 'succeeded' || watcher.endings.get(rolloutId) !== 1) doubled++
    leftOpen += attempts.filter((attempt) => attempt.status === 'running' || attempt.status === 'preparing').length
    const { items: spans } = await store.querySpans({ rolloutId })
    const stored = spans.map((span) => `${span.attempt_id} ${span.span_id}`)
    const sequences = new Set(spans.map((span) => `${span.attempt_id} ${span.sequence_id}`))
    doubledSpans += stored.length - new Set(stored).size + (stored.length - sequences.size)
    const there = new Set(stored)
    const expected = acknowledged.get(rolloutId) ?? []
    acknowledgedSpans += expected.length
    missingSpans += expected.filter((key) => !there.has(key)).length
  }
  return {
    lost,
    doubled,
    leftOpen,
    acknowledgedSpans,
    missingSpans,
    doubledSpans,
    requeueSeconds: watcher.requeueSeconds,
  }
}

/** By rollout: attempt and span id of each acknowledged span. */
function readAcknowledged(folder: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.log'))) {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n')
    // The last one may be broken off: what was not written down was not acknowledged to anybody.
    for (const line of lines.slice(0, -1)) {
      const [rolloutId = '', ...key] = line.split(' ')
      found.set(rolloutId, [...(found.get(rolloutId) ?? []), key.join(' ')])
    }
  }
  return found
}
