import { enqueueRolloutRequestSchema, isPlainObject } from '@agl/types'
import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { z } from 'zod'
import { parseEnqueueRequest, parseRequest, requestSchemas } from './requests.ts'

const oddValue = fc.constantFrom<unknown>(
  null,
  undefined,
  '',
  'x',
  'a/b',
  'latest',
  'x'.repeat(201),
  '\ud800',
  0,
  -0,
  1,
  1.5,
  -1,
  2 ** 53,
  Number.MIN_VALUE,
  NaN,
  Infinity,
  true,
  [],
  [undefined],
  [1, , 2], // eslint-disable-line no-sparse-arrays
  {},
  Object.create(null),
  new Date(0),
  new String('x'),
)
/** What mostly stands under a key; an odd value under every other one. */
const usual: Readonly<Record<string, readonly unknown[]>> = {
  rolloutId: ['ro-1', ''],
  attemptId: ['at-1', 'latest'],
  workerId: ['w1', '', null],
  status: ['succeeded', 'failed', 'gone'],
  outcome: ['scored', 'agent_error', 'lost'],
  lastHeartbeatTime: [1.5, 0],
  waitMs: [0, 250, -1],
  leaseMs: [5000, 0.5, 0],
  limit: [1, 0],
  spans: [[1, 'a'], []],
  rollouts: [[{ input: 1 }], []],
  capacity: [4, 0],
  idempotencyKey: ['k'],
  signal: [new AbortController().signal],
  mode: ['train', 'val', null],
  resources_id: ['rs-1', null],
  priority: [1, -1, null],
  idempotency_key: ['k', null],
  rollout_id: ['ro-1', null],
}

function requestOf(shape: Readonly<Record<string, z.core.$ZodType>>): fc.Arbitrary<unknown> {
  const fields = Object.keys(shape).map((key) => {
    const values = fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...(usual[key] ?? [undefined])) },
      { weight: 1, arbitrary: oddValue },
    )
    return [key, values] as const
  })
  const isRequired = (key: string): boolean => shape[key]!._zod.optin !== 'optional'
  const object = fc.record<Record<string, unknown>>(Object.fromEntries(fields), {
    requiredKeys: Object.keys(shape).filter(isRequired),
  })
  const withExtra = object.map((request) => ({ ...request, extra: undefined }))
  return fc.oneof({ weight: 40, arbitrary: object }, { weight: 1, arbitrary: withExtra }, { weight: 1, arbitrary: oddValue })
}

function outcomeOf(parse: () => unknown): unknown {
  try {
    return { value: parse() }
  } catch {
    return 'refused'
  }
}

const verbs = Object.keys(requestSchemas) as readonly (keyof typeof requestSchemas)[]

/** Those whose usual requests no schema has to look at. */
const hotVerbs: ReadonlySet<keyof typeof requestSchemas> = new Set([
  'addManySpans',
  'dequeueRollout',
  'enqueueManyRollouts',
  'getLatestAttempt',
  'getNextSpanSequenceId',
  'getRolloutById',
  'startAttempt',
  'updateAttempt',
])

function shapeOf(schema: z.ZodType): Readonly<Record<string, z.core.$ZodType>> {
  return (schema as z.ZodObject).shape
}

describe('quick checks', () => {
  test.each(verbs)('a request of %s is answered as its schema answers it', (verb) => {
    const schema: z.ZodType = requestSchemas[verb]
    let accepted = 0
    let quick = 0
    const safeParse = vi.spyOn(schema, 'safeParse')
    fc.assert(
      fc.property(requestOf(shapeOf(schema)), (request) => {
        // What an instance of a class holds no schema sees.
        const isInstance = typeof request === 'object' && request !== null && !Array.isArray(request) && !isPlainObject(request)
        const expected = isInstance ? 'refused' : outcomeOf(() => schema.parse(request ?? {}))
        safeParse.mockClear()
        expect(outcomeOf(() => parseRequest(verb, request))).toStrictEqual(expected)
        if (expected !== 'refused') accepted++
        if (safeParse.mock.calls.length === 0 && !isInstance) quick++
      }),
      { numRuns: 2000, seed: 20261120 },
    )
    safeParse.mockRestore()
    expect(quick).toBeLessThanOrEqual(accepted)
    if (!hotVerbs.has(verb)) return
    expect(quick).toBeGreaterThan(20)
    expect(accepted).toBeLessThan(1990)
  })

  test('a new rollout is answered as its schema answers it', () => {
    const { input: _, ...shape } = shapeOf(enqueueRolloutRequestSchema)
    let accepted = 0
    fc.assert(
      fc.property(requestOf(shape), (fields) => {
        const actual = outcomeOf(() => parseEnqueueRequest({ ...(fields as object), input: 1 }))
        // Some of what the schema takes is refused all the same: unknown keys, versions without an id, ids not fit for a route.
        if (actual === 'refused') return
        accepted++
        const given = Object.entries((fields ?? {}) as object).filter(([, item]) => item !== undefined)
        expect(actual).toStrictEqual({ value: enqueueRolloutRequestSchema.parse({ ...Object.fromEntries(given), input: 1 }) })
      }),
      { numRuns: 2000, seed: 20261120 },
    )
    expect(accepted).toBeGreaterThan(400)
    expect(accepted).toBeLessThan(1900)
  })
})
