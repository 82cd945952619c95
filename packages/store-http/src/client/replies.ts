import { parseNewSpan } from '@agl/store-kit'
import {
  type Attempt,
  type AttemptedRollout,
  describeIssue,
  isPlainObject,
  type Page,
  resourcesAliasSchema,
  type ResourcesAlias,
  type ResourcesUpdate,
  type Rollout,
  type Span,
  type Worker,
} from '@agl/types'
import {
  wireAttemptedRolloutSchema,
  wireAttemptSchema,
  wireResourcesUpdateSchema,
  wireRolloutSchema,
  wireSpanSchema,
  wireWorkerSchema,
} from '@agl/types/wire'
import { z } from 'zod'
import type { Reply } from './connection.ts'
import { badReply } from './errors.ts'
import { withoutOddNumbers } from '../wire/python-json.ts'

/*
 * What replies hold, as records: checked as laxly as the Python server writes them, and frozen at the top as those of
 * other stores are.
 */

const frozen = <Value>(schema: z.ZodType<Value>): z.ZodType<Value> => schema.transform((value) => Object.freeze(value))

export const aRollout: z.ZodType<Rollout> = frozen(wireRolloutSchema)
export const anAttempt: z.ZodType<Attempt> = frozen(wireAttemptSchema)
export const aWorker: z.ZodType<Worker> = frozen(wireWorkerSchema)
export const anAlias: z.ZodType<ResourcesAlias> = frozen(resourcesAliasSchema)

export const anAttemptedRollout: z.ZodType<AttemptedRollout> = frozen(
  wireAttemptedRolloutSchema.transform((rollout) => ({ ...rollout, attempt: Object.freeze(rollout.attempt) })),
)

/** Told apart by whether there is an attempt. */
export const aRolloutOrAttempted: z.ZodType<Rollout | AttemptedRollout> = z.unknown().transform((value, context) => {
  const schema: z.ZodType<Rollout> = isPlainObject(value) && 'attempt' in value ? anAttemptedRollout : aRollout
  return into(schema, value, context)
})

/** A version is shared by all who read it here. */
export const aResourcesUpdate: z.ZodType<ResourcesUpdate> = wireResourcesUpdateSchema.transform(deepFreeze)

/** Most spans are right as they come, and a check by hand costs a tenth of the schema's. */
export const aSpan: z.ZodType<Span> = z.unknown().transform((value, context) => {
  try {
    const span = parseNewSpan(value)
    if (span.sequence_id !== undefined) return Object.freeze(span) as Span
  } catch {
    // The schema takes more than the check by hand, and has the words for what is wrong.
  }
  return into(frozen(wireSpanSchema), value, context)
})

function into<Value>(schema: z.ZodType<Value>, value: unknown, context: z.core.$RefinementCtx): Value {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue)
  return z.NEVER
}

function deepFreeze<Value extends object>(value: Value): Value {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object)
  return Object.freeze(value)
}

export function listOf<Item>(item: z.ZodType<Item>): z.ZodType<readonly Item[]> {
  return frozen(z.array(item)) as z.ZodType<readonly Item[]>
}

export function pageOf<Item>(item: z.ZodType<Item>): z.ZodType<Page<Item>> {
  return frozen(z.object({ items: z.array(item), limit: z.int(), offset: z.int(), total: z.int() })) as z.ZodType<Page<Item>>
}

/**
 * What a reply holds.
 * @throws AglError `upstream_failed` that says what does not fit
 */
export function read<Value>({ value, asked }: Pick<Reply, 'value' | 'asked'>, schema: z.ZodType<Value>): Value {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  // A Python server may have written NaN where a record holds only JSON.
  const plain = schema.safeParse(withoutOddNumbers(value))
  if (plain.success) return plain.data
  const problems = result.error.issues.slice(0, 5).map((issue) => describeIssue(issue, value))
  throw badReply(asked, `the reply does not fit:\n${problems.join('\n')}\n`, result.error)
}
