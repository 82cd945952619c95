import { constants, open } from 'node:fs/promises'
import { join } from 'node:path'
import { AglError, describeValue, errorMessage, isPlainObject, type JsonValue } from '@agl/types'
import type { AgentResult } from '../../agent.ts'
import { runScorer } from '../run-scorer.ts'
import type { CommandReward, CommandResult } from './options.ts'

/** What is read of a file with a reward, in bytes. */
const longestFile = 64 * 1024

/**
 * The reward of a program that has ended; null when there is none.
 * @param tail where the last line of its output is
 */
export async function readCommandReward<Task>(
  reward: CommandReward<Task>,
  result: CommandResult<Task>,
  { tail, rewardFile }: { readonly tail: string; readonly rewardFile: string | null },
): Promise<AgentResult> {
  if (typeof reward === 'function') return await runScorer(() => reward(result), result.context)
  if (reward === 'exit-code' && result.signal === null) return result.exitCode === 0 ? 1 : 0
  checkEnd(result)
  if (reward === 'event' || reward === 'exit-code') return null
  if (reward === 'stdout') return lastReward(tail)
  const path = reward === 'file' ? rewardFile : join(result.cwd, reward.file)
  return path === null ? null : await readFileReward(path)
}

/** @throws AglError `agent_failed` when the program did not end well, with the last that it said */
function checkEnd({ exitCode, signal, stderr, stdout }: Omit<CommandResult, 'task'>): void {
  if (exitCode === 0) return
  const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`
  const said = (stderr.trim() || stdout.trim()).slice(-2000)
  throw new AglError({
    code: 'agent_failed',
    message: `The agent's program ended with ${how}${said === '' ? ' and said nothing.' : `: ${said}`}`,
    data: { exitCode, signal },
  })
}

function lastReward(text: string): AgentResult {
  const lines = text.split('\n')
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    const line = lines[index]!.trim()
    if (!line.startsWith('{') || !line.includes('"reward"')) continue
    const value = parse(line)
    if (isPlainObject(value) && Object.hasOwn(value, 'reward')) return toResult(value, 'The last line of its output')
  }
  return null
}

async function readFileReward(path: string): Promise<AgentResult> {
  let text: string
  try {
    text = await readStart(path)
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ENOENT') return null
    throw agentFailed(`The reward file ${path} cannot be read: ${errorMessage(error)}`)
  }
  const value = parse(text)
  if (value === undefined) throw agentFailed(`The reward file is no JSON: ${describeValue(text)}`)
  return toResult(isPlainObject(value) ? value : { reward: value }, 'The reward file')
}

/** What the agent has put there may be a pipe, which would be waited for, for ever. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

async function readStart(path: string): Promise<string> {
  const file = await open(path, flags)
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is no file')
    const { buffer, bytesRead } = await file.read(Buffer.alloc(longestFile), 0, longestFile, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

/** What else stands beside the reward is the program's own. */
function toResult({ reward, primary }: Readonly<Record<string, unknown>>, where: string): AgentResult {
  const isReward = typeof reward === 'number' || typeof reward === 'boolean' || isPlainObject(reward)
  if (!isReward)
    throw agentFailed(
      `${where} holds a reward that is ${describeValue(reward)}; a number, a boolean or named numbers are expected`,
    )
  return { reward: reward as number, ...(typeof primary === 'string' ? { primary } : {}) }
}

function agentFailed(message: string): AglError {
  return new AglError({ code: 'agent_failed', message: `${message}.` })
}

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}
