import { formatPrompt } from '@agl/prompts'
import { isPlainObject, parseOptions, type PromptTemplate } from '@agl/types'
import { z } from 'zod'
import type { AgentContext, AgentNeed, AgentResult } from '../../agent.ts'

/** How a program ended, for the function that scores it. */
export interface CommandResult<Task = unknown> {
  readonly task: Task
  /** Null when a signal ended it. */
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** What it wrote; of more than `maxOutputBytes` the head and the tail, with a note between. */
  readonly stdout: string
  readonly stderr: string
  /** Where it ran; a folder of its own is still there. */
  readonly cwd: string
  /** The agent's own. */
  readonly context: AgentContext
}

/** Scores a program that has ended; its processes are gone by then, so nothing can change what it sees. */
export type CommandScorer<Task = unknown> = (result: CommandResult<Task>) => AgentResult | Promise<AgentResult>

/**
 * Where the reward of a command comes from. Where none is given, the attempt has none, and it may still arrive.
 *
 * | reward | the reward is |
 * |---|---|
 * | `stdout` | the last line that is a JSON object with `reward` (a number, a boolean, or dimensions with `primary`) |
 * | `file` | the same, or a bare number, in the file that `AGL_REWARD_FILE` and `{reward_file}` name |
 * | `{ file }` | the same in this file of the program's own folder (`cwd: { temporary: true }`) |
 * | `exit-code` | 1 for exit code 0, otherwise 0 |
 * | `event` | what the program, or a grader, writes into the store by itself |
 * | a function | what it returns, whatever the exit code was |
 */
export type CommandReward<Task = unknown> =
  | 'stdout'
  | 'file'
  | { readonly file: string }
  | 'exit-code'
  | 'event'
  | CommandScorer<Task>

/** A folder that is made for each attempt and removed after it. */
export interface TemporaryFolder {
  readonly temporary: true
  /** A folder whose content it begins with. */
  readonly copyOf?: string
}

export interface CommandAgentOptions<Task = unknown> {
  /** A program: a name that is looked up in its PATH, or a path. There is no shell unless it is one. */
  readonly command: string
  /** Its arguments; placeholders as `{task}` are filled in. */
  readonly args?: readonly string[]
  /** Variables beside the default ones; placeholders are filled in, and null takes a variable away. */
  readonly env?: Readonly<Record<string, string | null>>
  /** Which variables of this process it gets: all but those that begin with `AGL_`, those named, or none. */
  readonly inheritEnv?: boolean | readonly string[]
  /** Where it runs. Default: where this process does. */
  readonly cwd?: string | TemporaryFolder
  /**
   * How it gets the task: on `stdin`; in a `file`, which `AGL_TASK_FILE` names; or by placeholders alone (`none`). `auto`: on stdin
   * as long as no placeholder of the task is used.
   */
  readonly input?: 'auto' | 'stdin' | 'file' | 'none'
  /** How the task is written. Default: JSON; as `{task}` a text is written as it is. */
  readonly formatTask?: (task: Task) => string
  /** How a prompt template is filled in for `{prompt}` and `{prompt_file}`. Default: with the fields of the task; its text as it is where the
   * task is no object. */
  readonly formatPrompt?: (template: PromptTemplate, task: Task) => string | Promise<string>
  readonly reward?: CommandReward<Task>
  /** What must be among the resources, beside what its placeholders need. */
  readonly needs?: readonly AgentNeed[]
  /** Where a store server can be reached from the program, for spans and rewards of its own. */
  readonly storeUrl?: string | null
  /** How much is kept of what it writes to stdout and to stderr each, in bytes, at least 256. */
  readonly maxOutputBytes?: number
  /** How long it has to end by itself after SIGTERM, in milliseconds; at least 0. */
  readonly killGraceMs?: number
}

export type ResolvedCommand<Task = unknown> = Required<Omit<CommandAgentOptions<Task>, 'formatTask' | 'cwd'>> & {
  readonly formatTask: ((task: Task) => string) | null
  readonly cwd: string | TemporaryFolder | null
}

/** The defaults of {@link CommandAgentOptions}. */
export const commandAgentDefaults: Readonly<
  Omit<ResolvedCommand, 'command' | 'formatPrompt' | 'reward'> & { readonly reward: 'stdout' }
> = Object.freeze({
  args: Object.freeze([]),
  env: Object.freeze({}),
  inheritEnv: true,
  cwd: null,
  input: 'auto',
  formatTask: null,
  reward: 'stdout',
  needs: Object.freeze([]),
  storeUrl: null,
  maxOutputBytes: 64 * 1024,
  // Within the grace that a runner gives an agent to end.
  killGraceMs: 500,
})

const aFunction = z.custom<() => unknown>((value) => typeof value === 'function', { error: 'expected a function' })
const temporary = z.strictObject({ temporary: z.literal(true), copyOf: z.string().min(1).exactOptional() })
const variables = z
  .custom<object>(isPlainObject, { error: 'expected an object' })
  .pipe(z.record(z.string().regex(/^[^=\0]+$/), z.string().nullable()))

const optionsSchema = z
  .strictObject({
    command: z.string().min(1),
    args: z.array(z.string()).optional(),
    env: variables.optional(),
    inheritEnv: z.union([z.boolean(), z.array(z.string())], { error: 'expected true, false or a list of names' }).optional(),
    cwd: z.union([z.string().min(1), temporary], { error: 'expected a path, or { temporary: true, copyOf? }' }).optional(),
    input: z.enum(['auto', 'stdin', 'file', 'none']).optional(),
    formatTask: aFunction.optional(),
    formatPrompt: aFunction.optional(),
    reward: z
      .union([z.enum(['stdout', 'file', 'exit-code', 'event']), z.strictObject({ file: z.string().min(1) }), aFunction], {
        error: 'expected "stdout", "file", { file }, "exit-code", "event" or a function',
      })
      .optional(),
    needs: z.array(z.string()).optional(),
    storeUrl: z
      .url({ protocol: /^https?$/ })
      .nullable()
      .optional(),
    maxOutputBytes: z.int().min(256).optional(),
    killGraceMs: z.number().min(0).optional(),
  })
  .refine(({ reward, cwd }) => !isPlainObject(reward) || typeof cwd === 'object', {
    error:
      'expected cwd: { temporary: true } beside reward: { file }: in a folder that stays, the file of an earlier attempt would be taken for that of this one. Or use reward: "file"',
    path: ['reward'],
  })

export function resolveOptions<Task>(options: CommandAgentOptions<Task>): ResolvedCommand<Task> {
  const defaults = { ...commandAgentDefaults, formatPrompt: renderPrompt }
  return parseOptions(optionsSchema, options, defaults, 'options of commandAgent')
}

/** With the fields of the task; a task that has none leaves the template as it is. */
function renderPrompt(template: PromptTemplate, task: unknown): string {
  return isPlainObject(task) ? formatPrompt(template, task) : template.template
}
