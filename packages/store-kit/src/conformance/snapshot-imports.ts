import { expect } from 'vitest'
import { claimNext, enqueueAndClaim, keyOf, noiseOf, spanOf } from './fixtures.ts'
import type { Suite } from './harness.ts'
import { linesOf } from './snapshots.ts'

/** What of the kit's lines the tests below change; see packages/store-kit/src/snapshot.ts. */
interface Line {
  readonly kind?: string
  readonly attempt?: { readonly sequence_id: number }
}

/** Lines with some changed. */
function edit(lines: readonly string[], change: (line: Line) => object): readonly string[] {
  return lines.map((text) => JSON.stringify(change(JSON.parse(text) as Line)))
}

export function describeSnapshotImports({ check, open }: Suite): void {
  check('SNAPSHOT-08', 'attempts whose numbers are the same or do not rise are refused by their line', async () => {
    const { store } = await open()
    const { rollout_id: rolloutId } = await enqueueAndClaim(store)
    for (let number = 2; number <= 3; number++) await store.startAttempt({ rolloutId })
    const lines = await linesOf(store)
    const { store: copy } = await open()
    for (const [numbers, wrong] of [
      [[1, 1, 2], 1],
      [[1, 3, 2], 2],
      [[2, 1, 3], 1],
    ] as const) {
      const left: number[] = [...numbers]
      const changed = edit(lines, (line) =>
        line.kind === 'attempt' ? { ...line, attempt: { ...line.attempt, sequence_id: left.shift() } } : line,
      )
      const first = lines.findIndex((text) => (JSON.parse(text) as Line).kind === 'attempt')
      const refusal = await copy.importSnapshot({ lines: changed }).catch((error: unknown) => error)
      expect([numbers, refusal]).toMatchObject([numbers, { code: 'invalid_argument', data: { line: first + wrong + 1 } }])
      expect(await copy.statistics()).toMatchObject({ total_rollouts: 0, total_attempts: 0 })
    }
    await copy.importSnapshot({ lines })
    expect((await copy.queryAttempts({ rolloutId })).total).toBe(3)
  })

  check('SNAPSHOT-10', 'spans that were dropped are gone in the copy too', async () => {
    const { store } = await open({ retention: { maxBytes: 300_000 } })
    const dropped = await enqueueAndClaim(store)
    const span = (claimed: typeof dropped) => spanOf(claimed, { attributes: { text: noiseOf(4000) } })
    const manyOf = (claimed: typeof dropped) => ({ spans: Array.from({ length: 40 }, () => span(claimed)) })
    await store.addManySpans(manyOf(dropped))
    await store.updateAttempt({ ...keyOf(dropped), status: 'succeeded' })
    const kept = await enqueueAndClaim(store)
    await store.addManySpans(manyOf(kept))
    const gone = { rolloutId: dropped.rollout_id }
    await expect(store.querySpans(gone)).rejects.toMatchObject({ code: 'gone' })
    const { store: copy } = await open()
    await copy.importSnapshot({ lines: store.exportSnapshot() })
    await expect(copy.querySpans(gone)).rejects.toMatchObject({ code: 'gone' })
    expect((await copy.querySpans({ rolloutId: kept.rollout_id })).total).toBe(40)
    expect(await copy.getRolloutById(gone)).toEqual(await store.getRolloutById(gone))
  })

  check('SNAPSHOT-11', 'a place in the queue counts only for what waits', async () => {
    const { store } = await open()
    const done = await enqueueAndClaim(store)
    await store.updateAttempt({ ...keyOf(done), status: 'succeeded' })
    await enqueueAndClaim(store)
    const waiting = await store.enqueueRollout({ input: 'waiting' })
    const lines = edit(await linesOf(store), (line) => (line.kind === 'rollout' ? { ...line, queue: 1 } : line))
    const { store: copy } = await open()
    await copy.importSnapshot({ lines })
    expect((await claimNext(copy)).rollout_id).toBe(waiting.rollout_id)
    expect(await copy.dequeueRollout()).toBeNull()
  })

  check('SNAPSHOT-12', 'who waits for work is served by what a snapshot brings', async () => {
    const { store } = await open()
    const { rollout_id: rolloutId } = await store.enqueueRollout({ input: 1 })
    const { store: copy, stateOf } = await open()
    const work = copy.dequeueRollout({ waitMs: 60_000 })
    expect(await stateOf(work)).toBe('pending')
    await copy.importSnapshot({ lines: await linesOf(store) })
    expect(await stateOf(work)).toBe('resolved')
    expect(await work).toMatchObject({ rollout_id: rolloutId, attempt: { sequence_id: 1 } })
  })
}
