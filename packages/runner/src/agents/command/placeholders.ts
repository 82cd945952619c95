import type { Llm } from '@agl/types'
import type { AgentNeed } from '../../agent.ts'
import { infraError } from '../infra-error.ts'

/** What stands for what in `args` and `env`. Null: this rollout has no such thing. */
export interface PlaceholderValues {
  readonly task: string
  /** The task as a value, for `{task.<key>}`. */
  readonly taskValue: unknown
  readonly task_file: string | null
  readonly prompt: string | null
  readonly prompt_file: string | null
  readonly reward_file: string | null
  readonly llm: Llm | null
  readonly store_url: string | null
  readonly store_key: string | null
  readonly rollout_id: string
  readonly attempt_id: string
  readonly mode: string
  readonly seed: string
}

const names = [
  'task',
  'task_file',
  'prompt',
  'prompt_file',
  'reward_file',
  'base_url',
  'root_url',
  'api_key',
  'model',
  'store_url',
  'store_key',
  'rollout_id',
  'attempt_id',
  'mode',
  'seed',
] as const

export type PlaceholderName = (typeof names)[number]

/** Anything else in braces is the program's own and stays as it is. */
const pattern: RegExp = new RegExp(String.raw`\{(task\.[^{}]+|${names.join('|')})\}`, 'g')

/** The placeholders that texts use; `{task.<key>}` counts as `task`. */
export function placeholdersIn(texts: readonly string[]): ReadonlySet<PlaceholderName> {
  const found = texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name!.split('.')[0]))
  return new Set(found as PlaceholderName[])
}

/** The resources without which they cannot be filled in. */
export function needsOf(used: ReadonlySet<PlaceholderName>): readonly AgentNeed[] {
  const uses = (...of: readonly PlaceholderName[]): boolean => of.some((name) => used.has(name))
  return [
    ...(uses('base_url', 'root_url', 'api_key', 'model') ? (['llm'] as const) : []),
    ...(uses('prompt', 'prompt_file') ? (['prompt_template'] as const) : []),
  ]
}

/** Fills in a text; null when something that it asks for is not there. */
export function fillIn(text: string, values: PlaceholderValues): string | null {
  let isWhole = true
  const filled = text.replace(pattern, (_all, name: string) => {
    const value = name.startsWith('task.') ? partOfTask(values.taskValue, name) : valueOf(name as PlaceholderName, values)
    if (value === null) isWhole = false
    return value ?? ''
  })
  return isWhole ? filled : null
}

/** A local server or a gateway wants none, and the SDKs do not start without one. */
const noKey = 'not-needed'

function valueOf(name: PlaceholderName, values: PlaceholderValues): string | null {
  const { llm } = values
  switch (name) {
    case 'base_url':
      return llm && llm.endpoint
    case 'root_url':
      return llm && llm.endpoint.replace(/\/v1\/?$/, '')
    case 'api_key':
      return llm && (llm.api_key ?? noKey)
    case 'model':
      return llm && llm.model
    default:
      return values[name]
  }
}

function partOfTask(task: unknown, name: string): string {
  let value = task
  for (const key of name.split('.').slice(1)) {
    const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    if (!isThere) {
      throw infraError({
        code: 'invalid_argument',
        message: `The command asks for {${name}}, which this task does not have; it has ${keysOf(task)}.`,
      })
    }
    value = (value as Readonly<Record<string, unknown>>)[key]
  }
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function keysOf(task: unknown): string {
  if (typeof task !== 'object' || task === null) return `no keys: it is a ${task === null ? 'null' : typeof task}`
  return Object.keys(task).join(', ') || 'no keys'
}
