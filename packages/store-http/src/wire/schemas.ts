import { z } from 'zod'

export {
  laxPrimitives,
  wireAttemptedRolloutSchema,
  wireAttemptSchema,
  wireEnqueueRolloutRequestSchema,
  wireResourceSchema,
  wireResourcesUpdateSchema,
  wireRolloutConfigSchema,
  wireRolloutSchema,
  wireSpanSchema,
  wireWorkerSchema,
} from '@agl/types/wire'
import { type JsonObject, jsonObjectSchema, type NamedResources, namedValues, type NewSpan } from '@agl/types'
import { laxPrimitives, wireNewSpanSchema as wireNewSpan, wireResourceSchema } from '@agl/types/wire'

/** A span on its way in: the store gives the sequence id that it lacks. */
export const wireNewSpanSchema: z.ZodType<NewSpan> = wireNewSpan

/** Resources as a bare map of names. */
export const wireNamedResourcesSchema: z.ZodType<NamedResources> = namedValues(wireResourceSchema)

/** A number as Pydantic takes one: a numeral too. */
export const laxNumber: z.ZodType<number> = laxPrimitives.number
export const laxInteger: z.ZodType<number> = laxPrimitives.integer
export const jsonObject: z.ZodType<JsonObject> = jsonObjectSchema

/** Of what the store refuses beyond that the store says so. */
export const leaseSeconds: z.ZodOptional<z.ZodNullable<z.ZodType<number>>> = z.nullable(laxNumber).optional()
