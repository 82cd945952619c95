export { type ChatMessage, type ChatRole, encodeChat, encodeConversation, type TrainingConversation } from './chat-template.ts'
export {
  type Checkpoint,
  initialise,
  type InitialiseOptions,
  type ModelSize,
  readCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts'
export {
  createEmbeddedModel,
  type EmbeddedModel,
  embeddedModelDefaults,
  type EmbeddedModelOptions,
  type SampleOptions,
} from './model.ts'
export { createRandom, type Random } from './random.ts'
export { requestDefaults } from './requests.ts'
export type { TensorType } from './safetensors.ts'
export {
  buildTokenizer,
  type BuildTokenizerOptions,
  createTokenizer,
  type SpecialToken,
  specialTokens,
  type Tokenizer,
} from './tokenizer.ts'
export type { Architecture } from './transformer/architecture.ts'
export type { SampledToken } from './transformer/sampler.ts'
