export { agentNameOf } from './agent-name.ts'
export type { ReadableSpan } from './dialect.ts'
export { imageUrlsOf } from './image-urls.ts'
export { isRicher } from './is-richer.ts'
export { type ModelApi, modelApiOf } from './model-api.ts'
export type {
  ChatMessage,
  ContentPart,
  ModelCall,
  ModelChoice,
  ModelUsage,
  TokenLogprob,
  ToolCall,
  ToolDefinition,
} from './model-call.ts'
export { modelCallToAttributes } from './model-call-to-attributes.ts'
export { modelCallToSpans, type RecordedCall } from './model-call-to-spans.ts'
export { type AnswerReading, readAnswer } from './read-answer.ts'
export { type ModelExchange, readExchange } from './read-exchange.ts'
export { type Dialect, explainModelCall, type ModelCallExplanation, readModelCall } from './read.ts'
export { createStreamAssembler, type StreamAssembler } from './streams/stream-assembler.ts'
