import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type ModelCall, readModelCall } from '@agl/model-calls'
import type { Span } from '@agl/types'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { priceOf } from './tasks.ts'

export interface Capture {
  readonly spans: readonly Span[]
  /** The calls of each rollout in order, each once. */
  readonly calls: readonly (readonly ModelCall[])[]
}

const rollouts = 20

/**
 * Runs an example as its reader would, with twenty rollouts at once, and states what holds for every one: the reward is earned, each
 * rollout's calls hold its own question, the tool call and the tool's answer, and nothing of any other rollout.
 *
 * @param folder `import.meta.url` of the test beside `main.ts`
 * @param more what holds for this framework
 */
export function describeCapture(folder: string, more: (capture: () => Capture) => void): void {
  let scratch: string
  let line: { readonly spans: number; readonly tokens: number; readonly reward: number }
  let capture: Capture

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'capture-'))
    const file = join(scratch, 'spans.json')
    const program = fileURLToPath(new URL('main.ts', folder))
    // NODE_ENV as tests set it would turn the tracing of the OpenAI Agents SDK off.
    const { NODE_ENV: _, ...env } = process.env
    const options = { timeout: 60_000, env }
    const given = ['--conditions=@agl/source', program, '--rollouts', String(rollouts), '--record', file]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, given, options)
    expect(stderr).toBe('')
    line = JSON.parse(stdout)
    const { spans } = JSON.parse(await readFile(file, 'utf8')) as { readonly spans: readonly Span[] }
    capture = { spans, calls: [...Map.groupBy(spans, (span) => span.rollout_id).values()].map(callsOf) }
  })
  afterAll(() => rm(scratch, { recursive: true, force: true }))

  it('ends with one line of JSON, and every reward is earned', () => {
    expect(line).toEqual({ spans: capture.spans.length, tokens: expect.any(Number), reward: 1 })
    expect(line.tokens).toBeGreaterThan(rollouts * 100)
  })

  it('records question, tool call and tool result of every rollout, with nothing of another', () => {
    expect(capture.calls).toHaveLength(rollouts)
    const asked = capture.calls.map((calls) => {
      const { messages, choices } = calls.at(-1)!
      const item = /the (lamp no \d+) cost/.exec(textOf(messages.find(({ role }) => role === 'user')?.content))![1]!
      const texts = calls
        .flatMap((call) => [...call.messages, ...call.choices.map(({ message }) => message)])
        .map((message) => JSON.stringify(message))
      expect(new Set(texts.flatMap((text) => text.match(/lamp no \d+/g) ?? []))).toEqual(new Set([item]))
      const call = messages.flatMap((message) => message.tool_calls ?? []).find((each) => each.function.name === 'get_price')
      expect(JSON.parse(call!.function.arguments)).toEqual({ item })
      const result = messages.find(({ role, tool_call_id: id }) => role === 'tool' && id === call!.id)
      expect(textOf(result?.content)).toContain(priceOf(item))
      expect(textOf(choices[0]!.message.content)).toBe(`The ${item} costs ${priceOf(item)}.`)
      return item
    })
    expect(new Set(asked).size).toBe(rollouts)
  })

  more(() => capture)
}

/** In the order of time, each once: of two records of one call the one with token ids, else with more messages. */
function callsOf(spans: readonly Span[]): readonly ModelCall[] {
  const byId = new Map<string, ModelCall>()
  for (const span of spans.toSorted((a, b) => (a.start_time ?? 0) - (b.start_time ?? 0))) {
    const call = readModelCall(span)
    if (call === null) continue
    const id = call.responseId ?? span.span_id
    const known = byId.get(id)
    if (known === undefined || wealthOf(known) < wealthOf(call)) byId.set(id, call)
  }
  return [...byId.values()]
}

function wealthOf({ promptTokenIds, messages }: ModelCall): number {
  return promptTokenIds === null ? messages.length : Infinity
}

function textOf(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content ?? '')
}
