/**
 * The names that spans carry, as the Python reference writes them (agent-lightning 0.3 `semconv.py`), so that either
 * side reads what the other wrote.
 */

/** Names of AGL's own spans. */
export const spanNames = {
  annotation: 'agentlightning.annotation',
  message: 'agentlightning.message',
  object: 'agentlightning.object',
  exception: 'agentlightning.exception',
  operation: 'agentlightning.operation',
  reward: 'agentlightning.reward',
  virtual: 'agentlightning.virtual',
  /** One recorded model call, named as the reference's adapters expect it. */
  chatCompletion: 'openai.chat.completion',
  /** One tool call that a model asked for: this and a dot and the name of the tool. */
  toolCall: 'tool_call',
} as const

/** Resource attributes that attribute a span to an attempt. */
export const resourceAttributes = {
  rolloutId: 'agentlightning.rollout_id',
  attemptId: 'agentlightning.attempt_id',
  spanSequenceId: 'agentlightning.span_sequence_id',
  tracerName: 'agentlightning.tracer.name',
} as const

/** Attributes and attribute prefixes of AGL's own spans. */
export const spanAttributes = {
  /** `agentlightning.reward.{i}.name` and `.value`; dimension 0 is the primary one. */
  reward: 'agentlightning.reward',
  /** `agentlightning.link.{i}.key_match` and `.value_match`. */
  link: 'agentlightning.link',
  /** `agentlightning.tag.{i}`. */
  tag: 'agentlightning.tag',
  messageBody: 'agentlightning.message.body',
  /** What a scorer or an environment has to say of the attempt, as text for who improves the agent. Ours. */
  feedback: 'agl.feedback',
  objectType: 'agentlightning.object.type',
  objectLiteral: 'agentlightning.object.literal',
  objectJson: 'agentlightning.object.json',
  operationName: 'agentlightning.operation.name',
  operationInput: 'agentlightning.operation.input',
  operationOutput: 'agentlightning.operation.output',
  exceptionType: 'exception.type',
  exceptionMessage: 'exception.message',
  exceptionStacktrace: 'exception.stacktrace',
  exceptionEscaped: 'exception.escaped',
  /** Rewards of agent-lightning 0.2: one number. */
  legacyReward: 'reward',
  /** Rewards of AgentOps: JSON text `{"type": "reward", "value": ...}`. */
  agentOpsTaskOutput: 'agentops.task.output',
  agentOpsEntityOutput: 'agentops.entity.output',
} as const

/** Attributes of a recorded model call: GenAI semantic conventions, and the token ids the reference's adapters read. */
export const modelCallAttributes = {
  operationName: 'gen_ai.operation.name',
  /** `gen_ai.request.{name}`: each parameter as the request spelled it; what no attribute can hold is JSON text. */
  request: 'gen_ai.request',
  requestModel: 'gen_ai.request.model',
  /** `gen_ai.request.functions.{i}.name`, `.description` and `.parameters`, which is JSON text: the tools offered. */
  requestFunctions: 'gen_ai.request.functions',
  responseId: 'gen_ai.response.id',
  responseModel: 'gen_ai.response.model',
  responseFinishReasons: 'gen_ai.response.finish_reasons',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  /** `gen_ai.prompt.{i}.role`, `.content`, `.tool_call_id` and `.tool_calls.{j}.id`, `.name`, `.arguments`. */
  prompt: 'gen_ai.prompt',
  /** `gen_ai.completion.{i}`, as a prompt, and `.finish_reason`; from the second one on `.token_ids` and `.logprobs` too. */
  completion: 'gen_ai.completion',
  /** Token ids of the prompt exactly as the model saw them. */
  promptTokenIds: 'prompt_token_ids',
  /** Token ids of the first choice exactly as the model sampled them. */
  responseTokenIds: 'response_token_ids',
  /** JSON text: the OpenAI `logprobs.content` list of the first choice. */
  logprobsContent: 'logprobs.content',
  /** Version of the weights that answered. */
  modelVersion: 'agl.model_version',
} as const

/** Attributes of a tool call: of a span below the model call that asked for it. */
export const toolCallAttributes = {
  name: 'tool.name',
  /** JSON text as the model wrote it. */
  parameters: 'tool.parameters',
  id: 'tool.call.id',
  type: 'tool.call.type',
} as const

/** Tags what a runner's scorers record. Adapters learn from no call of a model below it, whatever their options. */
export const graderTag = 'grader'
