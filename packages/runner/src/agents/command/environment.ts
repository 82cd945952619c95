import { AglError, resourceAttributes } from '@agl/types'
import { type PlaceholderValues, fillIn } from './placeholders.ts'

/** Variables that every command gets as far as there is something to put in; `env` of its options wins. */
export const commandEnvironment: Readonly<Record<string, string>> = Object.freeze({
  OPENAI_BASE_URL: '{base_url}',
  OPENAI_API_BASE: '{base_url}',
  OPENAI_API_KEY: '{api_key}',
  ANTHROPIC_BASE_URL: '{root_url}',
  ANTHROPIC_API_KEY: '{api_key}',
  AGL_MODEL: '{model}',
  AGL_ROLLOUT_ID: '{rollout_id}',
  AGL_ATTEMPT_ID: '{attempt_id}',
  AGL_MODE: '{mode}',
  AGL_SEED: '{seed}',
  AGL_TASK_FILE: '{task_file}',
  AGL_PROMPT_FILE: '{prompt_file}',
  AGL_REWARD_FILE: '{reward_file}',
  AGL_STORE_URL: '{store_url}',
  AGL_SPANS_URL: '{store_url}/v1/agl/spans',
  AGL_API_KEY: '{store_key}',
})

/** What the program finds in its environment. */
export function environmentFor(
  {
    env,
    inheritEnv,
  }: { readonly env: Readonly<Record<string, string | null>>; readonly inheritEnv: boolean | readonly string[] },
  values: PlaceholderValues,
): Readonly<Record<string, string>> {
  const filled: Record<string, string> = { ...inherited(inheritEnv), ...otelVariables(values) }
  for (const [name, text] of Object.entries(commandEnvironment)) {
    const value = fillIn(text, values)
    if (value !== null) filled[name] = value
  }
  for (const [name, text] of Object.entries(env)) {
    const value = text === null ? null : fillIn(text, values)
    if (value !== null) filled[name] = value
    else if (text === null) delete filled[name]
    else throw missing(`the variable ${name}`, text)
  }
  return filled
}

/** The arguments, filled in. */
export function argumentsFor(args: readonly string[], values: PlaceholderValues): readonly string[] {
  return args.map((text) => {
    const value = fillIn(text, values)
    if (value === null) throw missing('an argument', text)
    return value
  })
}

/**
 * The environment is passed on and not read: a program finds its PATH, its home and its proxies there. Not what is ours: a
 * token of the runner's opens more than an agent should.
 */
function inherited(which: boolean | readonly string[]): Readonly<Record<string, string>> {
  if (which === false) return {}
  const isWanted = (name: string): boolean => (which === true ? !name.startsWith('AGL_') : which.includes(name))
  const entries = Object.entries(process.env).filter(([name, value]) => value !== undefined && isWanted(name))
  return Object.fromEntries(entries) as Record<string, string>
}

/** A program that speaks OpenTelemetry records itself: these are the standard's own variables. */
function otelVariables(values: PlaceholderValues): Readonly<Record<string, string>> {
  const { store_url: url, store_key: key, rollout_id: rolloutId, attempt_id: attemptId } = values
  if (url === null) return {}
  const attributes = { [resourceAttributes.rolloutId]: rolloutId, [resourceAttributes.attemptId]: attemptId }
  const list = Object.entries(attributes).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces`,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
    OTEL_RESOURCE_ATTRIBUTES: list.join(','),
    ...(key === null ? {} : { OTEL_EXPORTER_OTLP_TRACES_HEADERS: `authorization=${encodeURIComponent(`Bearer ${key}`)}` }),
  }
}

function missing(what: string, text: string): AglError {
  const advice = text.includes('{store_')
    ? 'set `storeUrl` of commandAgent; a key comes only from a server with tokens'
    : 'leave it out'
  return new AglError({
    code: 'invalid_argument',
    message: `For ${what} "${text}" of the command there is nothing to fill in: ${advice}.`,
    data: { outcome: 'infra_error' },
  })
}
