export { currentAttemptIds } from './attribution.ts'
export { createDummyTracer, type DummyTracer } from './dummy-tracer.ts'
export {
  asOperation,
  emitAnnotation,
  emitException,
  emitMessage,
  emitObject,
  emitReward,
  operation,
  type OutsideOption,
} from './emit.ts'
export { createExporterSink } from './exporter-sink.ts'
export { createAttemptIdGenerator } from './ids.ts'
export { otelTracerDefaults, type OtelTracerOptions } from './options.ts'
export { createAttemptSpanProcessor } from './processor.ts'
export { createAttemptSampler } from './sampler.ts'
export { createTracedFetch, type TracedFetchOptions } from './traced-fetch/create-traced-fetch.ts'
export { createOtelMetrics } from './otel-metrics.ts'
export { createOtelTracer, type OtelTracer } from './tracer.ts'
