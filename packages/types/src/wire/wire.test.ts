import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { wireResourceSchema } from '../resources.ts'
import * as wire from './index.ts'

/** What `interop/python/golden_records.py` found: per field and candidate, what Pydantic keeps; nothing where it refuses. */
interface Golden {
  readonly base: Readonly<Record<string, unknown>>
  readonly fields: Readonly<Record<string, readonly (readonly [candidate: unknown, kept?: unknown])[]>>
  readonly missing: Readonly<Record<string, unknown>>
  readonly more: readonly (readonly [value: unknown, kept?: unknown])[]
}
const golden = JSON.parse(readFileSync(new URL('golden-records.json', import.meta.url), 'utf8')) as Record<string, Golden>

const schemas: Readonly<Record<string, z.ZodType>> = {
  RolloutConfig: wire.wireRolloutConfigSchema,
  Attempt: wire.wireAttemptSchema,
  Rollout: wire.wireRolloutSchema,
  AttemptedRollout: wire.wireAttemptedRolloutSchema,
  EnqueueRolloutRequest: wire.wireEnqueueRolloutRequestSchema,
  Worker: wire.wireWorkerSchema,
  Resource: wireResourceSchema,
  ResourcesUpdate: wire.wireResourcesUpdateSchema,
  Span: wire.wireSpanSchema,
}

/** An absent optional and a null mean the same in requests, where the reference fills in null. */
function fieldOf(parsed: unknown, field: string): unknown {
  const value = (parsed as Record<string, unknown>)[field] ?? null
  if (field !== 'config' || value === null) return value
  // Our addition, which the Python client ignores.
  const { retry_outcomes: _, ...config } = value as Record<string, unknown>
  return config
}

describe.each(Object.entries(golden))('%s accepts what the Python package accepts and keeps what it keeps', (name, record) => {
  const schema = schemas[name]!

  it.each(Object.entries(record.fields))('%s', (field, cases) => {
    for (const [candidate, ...kept] of cases) {
      const { success, data } = schema.safeParse({ ...record.base, [field]: candidate })
      const label = `${field} = ${JSON.stringify(candidate)}`
      expect([label, success ? [fieldOf(data, field)] : []]).toEqual([label, kept])
    }
  })

  it('fields that are left out', () => {
    for (const field of Object.keys(record.base)) {
      const { [field]: _, ...rest } = record.base
      const { success, data } = schema.safeParse(rest)
      const kept = field in record.missing ? [record.missing[field]] : []
      expect([field, success ? [fieldOf(data, field)] : []]).toEqual([field, kept])
    }
  })

  it('other values', () => {
    for (const [value, ...kept] of record.more) {
      const { success, data } = schema.safeParse(value)
      const label = JSON.stringify(value)
      expect([label, success ? [data] : []]).toEqual([label, kept])
    }
  })
})
