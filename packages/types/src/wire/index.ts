/**
 * The records as they come over the wire from Python or anywhere: numbers, booleans and lists are taken as laxly as the
 * reference's Pydantic models take them, and what these keep is kept. Use them where bytes become records; inside, the strict
 * schemas of the main entry.
 */
export { wireAttemptSchema } from '../attempt.ts'
export { laxPrimitives, type Primitives } from '../primitives.ts'
export { wireResourceSchema, wireResourcesUpdateSchema } from '../resources.ts'
export {
  wireAttemptedRolloutSchema,
  wireEnqueueRolloutRequestSchema,
  wireRolloutConfigSchema,
  wireRolloutSchema,
} from '../rollout.ts'
export { wireNewSpanSchema, wireSpanSchema } from '../span.ts'
export { wireWorkerSchema } from '../worker.ts'
