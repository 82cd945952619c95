import type { MemoryStoreOptions } from '@agl/store-memory'
import { z } from 'zod'
import { field } from '../field.ts'

/** Fields that every store has. */
export const storeFields: Readonly<{
  retention: z.ZodExactOptional<z.ZodType<NonNullable<MemoryStoreOptions['retention']>>>
  seed: z.ZodExactOptional<z.ZodInt>
}> = Object.freeze({
  retention: z.exactOptional(
    z.strictObject({
      maxAgeSeconds: field(z.number().positive().nullable(), 'finished rollouts older than this are deleted', null),
      maxRollouts: field(z.int().min(0).nullable(), 'how many finished rollouts are kept', null),
      maxBytes: field(z.int().min(1).nullable(), 'bytes of all that is stored; spans of finished rollouts go first'),
      maxResourcesVersions: field(z.int().min(1).nullable(), 'how many versions of one resources id are kept', null),
      maxResources: field(z.int().min(1).nullable(), 'how many resources ids are kept', null),
      maxWorkerAgeSeconds: field(z.number().positive().nullable(), 'workers not heard of for longer are forgotten', null),
    }),
  ),
  seed: field(z.int(), 'makes ids repeatable; another one for each process'),
})
