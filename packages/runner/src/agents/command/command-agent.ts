import { resolve } from 'node:path'
import { type AttributeValue, jsonSourceOf } from '@agl/types'
import type { Agent, AgentContext, AgentNeed, AgentResult } from '../../agent.ts'
import { missingResources } from '../../agent.ts'
import type { Captured } from './capture.ts'
import { argumentsFor, environmentFor } from './environment.ts'
import { type CommandAgentOptions, type ResolvedCommand, resolveOptions } from './options.ts'
import { needsOf, type PlaceholderName, placeholdersIn, type PlaceholderValues } from './placeholders.ts'
import { readCommandReward } from './reward.ts'
import { type ProcessEnd, runProcess } from './run-process.ts'
import { createScratch, type Scratch } from './scratch.ts'

/**
 * An agent that is a program, in any language and unchanged: it gets its task on stdin, in a file or as an argument, and the
 * rollout's model under the variables that the SDKs of OpenAI and Anthropic read, so that every call it makes is
 * recorded for its attempt. Nothing of it is left when the attempt is over: no process, no temporary file.
 *
 * A program that ends with another exit code than 0 is an `agent_error`, unless `reward` is `exit-code` or a function; one
 * that cannot be started is an `infra_error`.
 */
export function commandAgent<Task = unknown>(options: CommandAgentOptions<Task>): Agent<Task> {
  const resolved = resolveOptions(options)
  const used = placeholdersIn([...resolved.args, ...Object.values(resolved.env).filter((text) => text !== null)])
  const needs: readonly AgentNeed[] = Object.freeze([...new Set([...resolved.needs, ...needsOf(used)])])
  return Object.freeze({
    needs,
    async rollout(task: Task, context: AgentContext): Promise<AgentResult> {
      const scratch = createScratch(context.logger)
      try {
        return await runOnce({ options: resolved, used, task, context, scratch })
      } finally {
        await scratch.remove()
      }
    },
  })
}

interface Run<Task> {
  readonly options: ResolvedCommand<Task>
  readonly used: ReadonlySet<PlaceholderName>
  readonly task: Task
  readonly context: AgentContext
  readonly scratch: Scratch
}

async function runOnce<Task>(run: Run<Task>): Promise<AgentResult> {
  const { options, used, task, context, scratch } = run
  const { emit, signal } = context
  const values = await prepare(run)
  const env = environmentFor(options, values)
  const args = argumentsFor(options.args, values)
  const cwd = typeof options.cwd === 'object' && options.cwd !== null ? await scratch.makeFolder(options.cwd) : options.cwd
  const usesTask = used.has('task') || used.has('task_file')
  const hasStdin = options.input === 'stdin' || (options.input === 'auto' && !usesTask)
  signal.throwIfAborted()

  return await emit.operation('command', async (scope) => {
    // As they are written: filled in, they may hold keys.
    scope.setInput({ command: options.command, args: options.args })
    const end = await runProcess({
      command: options.command,
      args,
      env,
      cwd: cwd ?? undefined,
      stdin: hasStdin ? (options.formatTask?.(task) ?? toJson(task)) : null,
      maxOutputBytes: options.maxOutputBytes,
      killGraceMs: options.killGraceMs,
      signal,
    })
    scope.setOutput(endFacts(end))
    for (const name of ['stdout', 'stderr'] as const) emitOutput(context, name, end[name])
    signal.throwIfAborted()
    const result = {
      task,
      exitCode: end.exitCode,
      signal: end.signal,
      stdout: end.stdout.text,
      stderr: end.stderr.text,
      cwd: resolve(cwd ?? '.'),
      context,
    }
    return await readCommandReward(options.reward, result, { tail: end.stdout.tail, rewardFile: values.reward_file })
  })
}

/** What the placeholders stand for; files are made only for those that are used. */
async function prepare<Task>({ options, used, task, context, scratch }: Run<Task>): Promise<PlaceholderValues> {
  const { rollout, resources, seed } = context
  const text = options.formatTask?.(task)
  const has = (kind: AgentNeed): boolean => missingResources({ needs: [kind] }, resources).length === 0
  const asksForPrompt = used.has('prompt') || used.has('prompt_file')
  const prompt = asksForPrompt ? await options.formatPrompt(context.promptTemplate, task) : null
  const wantsTaskFile = used.has('task_file') || options.input === 'file'
  const wantsRewardFile = used.has('reward_file') || options.reward === 'file'
  return {
    task: text ?? (typeof task === 'string' ? task : toJson(task)),
    taskValue: task,
    task_file: wantsTaskFile ? await scratch.write('task.json', text ?? toJson(task)) : null,
    prompt,
    prompt_file: used.has('prompt_file') && prompt !== null ? await scratch.write('prompt.txt', prompt) : null,
    reward_file: wantsRewardFile ? await scratch.place('reward.json') : null,
    llm: has('llm') ? context.llm : null,
    store_url: options.storeUrl?.replace(/\/$/, '') ?? null,
    store_key: rollout.attempt_token ?? null,
    rollout_id: rollout.rollout_id,
    attempt_id: rollout.attempt.attempt_id,
    mode: rollout.mode ?? '',
    seed: String(seed),
  }
}

/** As it came, if that is known: a program in Python tells 1.0 from 1. */
function toJson(task: unknown): string {
  return jsonSourceOf(task) ?? JSON.stringify(task)
}

function endFacts({ exitCode, signal, stdout, stderr }: ProcessEnd): Readonly<Record<string, AttributeValue>> {
  return {
    ...(exitCode === null ? {} : { exit_code: exitCode }),
    ...(signal === null ? {} : { signal }),
    stdout_bytes: stdout.bytes,
    stderr_bytes: stderr.bytes,
  }
}

function emitOutput({ emit }: AgentContext, stream: 'stdout' | 'stderr', { text, cutBytes }: Captured): void {
  if (text === '') return
  emit.message(text, { attributes: { stream, ...(cutBytes === 0 ? {} : { cut_bytes: cutBytes }) } })
}
