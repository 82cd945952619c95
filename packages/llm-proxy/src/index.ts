export { llmProxyDefaults, type LlmProxyOptions } from './options.ts'
export { createLlmProxy } from './proxy.ts'
