/** An HTTP API that a model is called over: OpenAI's three, and Anthropic's Messages. */
export type ModelApi = 'chat_completions' | 'completions' | 'responses' | 'messages'

const endings: readonly (readonly [RegExp, ModelApi])[] = [
  [/\/chat\/completions\/?$/, 'chat_completions'],
  [/\/completions\/?$/, 'completions'],
  [/\/responses\/?$/, 'responses'],
  [/\/messages\/?$/, 'messages'],
]

/** Told by the end of the path, so that any host, prefix or deployment does; null for what is no call of a model. */
export function modelApiOf(url: string | URL): ModelApi | null {
  const path = typeof url === 'string' ? url.replace(/[?#].*$/s, '') : url.pathname
  // Messages of a thread are kept by the Assistants API; no model answers there.
  if (/\/threads\/[^/]+\/messages\/?$/.test(path)) return null
  return endings.find(([ending]) => ending.test(path))?.[1] ?? null
}
