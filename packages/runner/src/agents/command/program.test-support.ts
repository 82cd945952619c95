import type { JsonValue, Span } from '@agl/types'
import { readMessage } from '@agl/types/spans'
import { play, type Play, type Played } from '../test-rollout.test-support.ts'
import { commandAgent } from './command-agent.ts'
import type { CommandAgentOptions } from './options.ts'

export const node: string = process.execPath

/** Runs a program of Node on one task. */
export function run(
  program: string,
  options: Partial<CommandAgentOptions<never>> = {},
  input: JsonValue = null,
  request: Play = {},
): Promise<Played> {
  const args = ['-e', program, '--', ...(options.args ?? [])]
  return play(commandAgent<never>({ command: node, ...options, args }), input, request)
}

/** What was recorded of its output. */
export function said(spans: readonly Span[], stream: 'stdout' | 'stderr'): string | null {
  const span = spans.find(({ attributes }) => attributes['stream'] === stream)
  return span === undefined ? null : readMessage(span)
}

/** A program that prints what an expression gives. */
export const tell = (expression: string): string => `console.log(JSON.stringify(${expression}))`

export const told = ({ spans }: Played): unknown => JSON.parse(said(spans, 'stdout') ?? 'null')
