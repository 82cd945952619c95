/**
 * Words: a *rollout* is one task to be executed; an *attempt* one try at it; a *span* one recorded step of an attempt;
 * a *reward* a span with named values; *resources* a named, versioned, immutable snapshot of what can be tuned; a
 * *worker* a runner as the store sees it; the *store* the only shared truth; a *runner* claims rollouts and runs the
 * agent; a *tracer* records spans; the *gateway* (LLM proxy) attributes and records model calls; an *adapter* turns
 * spans into training data; an *algorithm* decides what to run next; a *trainer* puts all of these together; a
 * *backend* turns a dataset into a better model.
 */
export type { Adapter, Algorithm, AlgorithmContext, Dataset, RunEvent, RunState, Spend, Triplet } from './algorithm.ts'
export {
  type Attempt,
  type AttemptOutcome,
  attemptOutcomeSchema,
  attemptSchema,
  type AttemptStatus,
  attemptStatusSchema,
} from './attempt.ts'
export { AglError, type AglErrorCode, type AglErrorOptions, errorCodes, errorMessage, rootMessage } from './errors.ts'
export { jsonSourceOf, keepJsonSource, mayLoseNumbers } from './json-source.ts'
export {
  copyJson,
  type JsonObject,
  jsonObjectSchema,
  type JsonOffender,
  jsonOffender,
  type JsonValue,
  jsonValueSchema,
  namedValues,
} from './json.ts'
export type { LlmProxy, ProxiedModel } from './llm-proxy.ts'
export {
  childLogger,
  type LeveledLogger,
  levelLogger,
  type LogFields,
  type Logger,
  type LogLevel,
  type LogLevels,
  logLevels,
  logLevelsSchema,
  silentLogger,
} from './logger.ts'
export {
  type Age,
  type Counter,
  type Gauge,
  type Histogram,
  type HistogramDefinition,
  latencyBuckets,
  type MetricDefinition,
  type MetricLabels,
  type Metrics,
  noMetrics,
  type ReadableMetrics,
} from './metrics.ts'
export { describeIssue, describeValue, hideCredentials, implementing, parseOptions, parseOrThrow } from './parse.ts'
export { isPlainObject } from './plain.ts'
export {
  type CustomResource,
  defineResourceKind,
  type Llm,
  type NamedResources,
  namedResourcesSchema,
  type PromptTemplate,
  type ProxyLlm,
  resolveProxyLlm,
  type Resource,
  type ResourceKind,
  type ResourcesAlias,
  resourcesAliasSchema,
  resourceSchema,
  type ResourcesUpdate,
  resourcesUpdateSchema,
} from './resources.ts'
export {
  type AttemptedRollout,
  attemptedRolloutSchema,
  defaultRolloutConfig,
  type EnqueueRolloutRequest,
  enqueueRolloutRequestSchema,
  type Rollout,
  type RolloutConfig,
  rolloutConfigSchema,
  type RolloutMode,
  rolloutModeSchema,
  rolloutSchema,
  type RolloutStatus,
  rolloutStatusSchema,
} from './rollout.ts'
export {
  graderTag,
  modelCallAttributes,
  resourceAttributes,
  spanAttributes,
  spanNames,
  toolCallAttributes,
} from './semantic-conventions.ts'
export { type Attributes, type AttributeValue, isAttributeValue } from './attribute.ts'
export {
  type NewSpan,
  newSpanSchema,
  type OtelResource,
  type Span,
  type SpanContext,
  type SpanCoreFields,
  type SpanEvent,
  type SpanLink,
  spanSchema,
  type SpanStatus,
  type SpanStatusCode,
} from './span.ts'
export type {
  AttemptUpdate,
  DequeueRequest,
  HeartbeatReply,
  HeartbeatRequest,
  Idempotent,
  LightningStore,
  Page,
  PageRequest,
  ResourcesChange,
  ResourcesQuery,
  RolloutQuery,
  RolloutUpdate,
  SpanQuery,
  StartRolloutRequest,
  StoreCapabilities,
  StoreSpec,
  StoreFeature,
  StoreStatistics,
  WaitRequest,
  WatchRequest,
  WorkerQuery,
} from './store.ts'
export type { StoreEvent } from './store-event.ts'
export type {
  Emitter,
  EmitOptions,
  OperationOptions,
  OperationScope,
  RewardOptions,
  RewardValue,
  SpanSink,
  TracedAttempt,
  Tracer,
} from './tracer.ts'
export type {
  CallOptions,
  ForwardBackwardRequest,
  ForwardBackwardResult,
  LossFunction,
  ModelDescription,
  OptimStepRequest,
  OptimStepResult,
  Sample,
  SampleRequest,
  SampleResult,
  TrainingBackend,
  TrainingDatum,
} from './training.ts'
export { type Worker, workerSchema, type WorkerStatus, workerStatusSchema } from './worker.ts'
