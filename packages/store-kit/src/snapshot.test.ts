import type { Attempt, Rollout, Span, Worker } from '@agl/types'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRollout } from './state-machine/index.ts'
import { decodeSnapshot, encodeSnapshotRecord, snapshotEnd, snapshotHeader, type SnapshotRecord } from './snapshot.ts'

const request = { input: { text: 'line\nbreak \u2028' }, config: null }
const { rollout, notes } = createRollout({
  request,
  rolloutId: 'r',
  resourcesId: 'mine',
  resourcesVersion: 1,
  status: 'queuing',
  now: 1.25,
})
const attempt: Attempt = {
  rollout_id: 'r',
  attempt_id: 'a',
  sequence_id: 1,
  start_time: 1,
  end_time: null,
  status: 'running',
  worker_id: 'w',
  last_heartbeat_time: null,
  metadata: null,
  outcome: null,
  lease_expires: 31.000001,
}
const attemptNotes = { leaseMs: 30_000, showedLife: true, hasReward: false, isUncounted: false, isLostClaim: false }
const spanOf = (attributes: Span['attributes'] = {}, id: string = 's'): Span => ({
  rollout_id: 'r',
  attempt_id: 'a',
  sequence_id: 1,
  trace_id: 't',
  span_id: id,
  parent_id: null,
  name: 'step',
  status: { status_code: 'OK', description: null },
  attributes,
  events: [],
  links: [],
  start_time: 1,
  end_time: 2,
  context: null,
  parent: null,
  resource: { attributes: {}, schema_url: '' },
})
const worker: Worker = {
  worker_id: 'w',
  status: 'busy',
  heartbeat_stats: null,
  last_heartbeat_time: null,
  last_dequeue_time: 1,
  last_busy_time: 1,
  last_idle_time: null,
  current_rollout_id: 'r',
  current_attempt_id: 'a',
  capacity: 4,
}
const update = { resources_id: 'mine', version: 3, create_time: 1, update_time: 2, resources: {} }
const records: readonly SnapshotRecord[] = [
  { kind: 'resources_history', resources_id: 'mine', last_version: 4 },
  { kind: 'resources', resources: update },
  { kind: 'alias', alias: { alias: 'stable', resources_id: 'mine', version: 3, update_time: 2 } },
  { kind: 'rollout', rollout, notes, sequence: 7, queue: 0 },
  { kind: 'attempt', attempt, notes: attemptNotes, is_gone: false },
  { kind: 'span', span: spanOf({ ids: [1, 2], value: 0.1 }) },
  { kind: 'worker', worker },
  { kind: 'idempotency_key', verb: 'enqueueRollout', key: 'k', time: 1, answer: 'r' },
]

const header = snapshotHeader({ name: 'S', time: 1 })
const linesOf = (items: readonly SnapshotRecord[]): string[] => [
  header,
  ...items.map(encodeSnapshotRecord),
  snapshotEnd(items.length),
]

async function decode(lines: Iterable<string>): Promise<readonly SnapshotRecord[]> {
  const decoded: SnapshotRecord[] = []
  for await (const { record } of decodeSnapshot(lines)) decoded.push(record)
  return decoded
}

describe('snapshot codec', () => {
  test('decoding is the reverse of encoding, line by line', async () => {
    const lines = linesOf(records)
    for (const line of lines) expect(line).not.toContain('\n')
    expect(await decode(lines)).toEqual(records)
    const numbered: number[] = []
    for await (const { line } of decodeSnapshot(lines)) numbered.push(line)
    expect(numbered).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
    expect(await decode([header, snapshotEnd(0), ''])).toEqual([])
  })

  test('spans keep numbers that JSON cannot write, and attributes that look like their marks', async () => {
    const value = fc.oneof(
      fc.double(),
      fc.string(),
      fc.constantFrom(-0, Number.NaN, Infinity, '-Infinity', '$number'),
      fc.array(fc.double()),
    )
    // Without keys that JSON escapes: V8 (Node 24.21) may take one of them for another.
    const key = fc.string({ unit: 'grapheme' }).filter((text) => JSON.stringify(text) === `"${text}"`)
    await fc.assert(
      fc.asyncProperty(fc.dictionary(key, value), async (attributes) => {
        const span = spanOf(attributes)
        const decoded = await decode(linesOf([...records.slice(0, 5), { kind: 'span', span }]))
        expect(decoded.at(-1)).toEqual({ kind: 'span', span })
      }),
      { numRuns: 200 },
    )
  })

  test('a line that does not fit is named', async () => {
    const good = linesOf(records)
    const withLine = (line: number, text: string): string[] => good.map((item, index) => (index === line - 1 ? text : item))
    const faults: readonly (readonly [string[], number, string])[] = [
      [[], 0, 'cut off'],
      [withLine(1, '{}'), 1, 'no header'],
      [withLine(1, header.replace('"version":1', '"version":2')), 1, 'no header'],
      [withLine(4, '{"kind":'), 4, 'no JSON'],
      [withLine(4, '{"kind":"dream"}'), 4, 'unknown kind of record "dream"'],
      [withLine(4, '7'), 4, 'unknown kind'],
      [withLine(5, good[4]!.replace('"queuing"', '"dreaming"')), 5, 'status'],
      [withLine(6, good[5]!.replace('"showedLife":true,', '')), 6, 'showedLife'],
      [withLine(7, good[6]!.replace('"name":"step"', '"name":7')), 7, 'name'],
      [withLine(7, good[6]!.replace('"sequence_id":1,', '')), 7, 'sequence_id'],
      [good.filter((_, index) => index !== 4), 5, 'refers to rollout r'],
      [good.filter((_, index) => index !== 2), 3, 'refers to version 3'],
      [good.slice(0, -1), 9, 'cut off'],
      [good.filter((_, index) => index !== 8), 9, 'expected 8 records; 7 came'],
      [[...good.slice(0, 5), good[4]!, ...good.slice(5)], 6, 'rollout r came before'],
      [[...good, good[4]!], 11, 'something follows the end'],
    ]
    for (const [lines, line, problem] of faults) {
      const refusal = await decode(lines).then(
        () => null,
        (error: unknown) => error,
      )
      expect([problem, refusal]).toEqual([problem, expect.objectContaining({ code: 'invalid_argument', data: { line } })])
      expect(String(refusal)).toContain(problem)
    }
  })

  test('a finished rollout keeps every field', async () => {
    const finished: Rollout = { ...rollout, status: 'succeeded', end_time: 2.000001, labels: { run: 'x' }, idempotency_key: 'k' }
    const record: SnapshotRecord = { kind: 'rollout', rollout: finished, notes, sequence: 0, queue: null }
    expect(await decode(linesOf([record]))).toEqual([record])
  })
})
