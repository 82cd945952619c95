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
export { readModelCall } from './read.ts'
