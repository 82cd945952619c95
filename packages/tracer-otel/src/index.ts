export { emitReward } from './emit.ts'
export { createAttemptSpanProcessor } from './processor.ts'
export { createOtelTracer, type OtelTracer, type OtelTracerOptions } from './tracer.ts'
