import { implementing, type LogFields, type Logger, type ResourceKind } from '@agl/types'
import { z } from 'zod'
import type { Clock } from './clock.ts'
import type { RandomSource } from './ids.ts'
import { retentionSchema } from './retention.ts'

const isSchema = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'safeParse' in value && typeof value.safeParse === 'function'

const resourceKind = z.object({
  resourceType: z.string().regex(/^custom:/, { error: 'expected "custom:<name>"' }),
  schema: z.custom<ResourceKind<object>['schema']>(isSchema, { error: 'expected a zod schema' }),
})

/** The options that every store takes, for `z.strictObject({ ...storeOptionShape, … })`. */
export const storeOptionShape: Readonly<{
  clock: z.ZodOptional<z.ZodType<Clock>>
  random: z.ZodOptional<z.ZodType<RandomSource>>
  seed: z.ZodOptional<z.ZodType<number>>
  resourceKinds: z.ZodOptional<z.ZodType<readonly Pick<ResourceKind<object>, 'resourceType' | 'schema'>[]>>
  retention: z.ZodOptional<typeof retentionSchema>
  logger: z.ZodOptional<z.ZodType<Logger>>
}> = Object.freeze({
  clock: implementing<Clock>('a Clock', 'now', 'schedule', 'wait').optional(),
  random: z.custom<RandomSource>((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
  seed: (z.int() as z.ZodType<number>).optional(),
  resourceKinds: z.array(resourceKind).optional() as unknown as z.ZodOptional<
    z.ZodType<readonly Pick<ResourceKind<object>, 'resourceType' | 'schema'>[]>
  >,
  retention: retentionSchema.optional(),
  logger: implementing<Logger>('a Logger', 'debug', 'info', 'warn', 'error').optional(),
})

/** For `.refine`: two sources of random bits are one too many. */
export function hasOneSource({ random, seed }: { readonly random?: unknown; readonly seed?: unknown }): boolean {
  return random === undefined || seed === undefined
}

/** A logger that throws must not break what it is told about. */
export function quietLogger(logger: Logger): Logger {
  const guard =
    (level: keyof Logger) =>
    (message: string, fields?: LogFields): void => {
      try {
        logger[level](message, fields)
      } catch {
        // There is nobody to tell.
      }
    }
  return Object.freeze({ debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') })
}
