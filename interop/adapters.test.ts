import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { llmProxyTraceToTriplets, traceToMessages, traceToTriplets } from '@agl/algorithms'
import type { Span, Triplet } from '@agl/types'
import { beforeAll, describe, expect, it } from 'vitest'
import { jsonLines, preparePython, runPython } from './python-process.ts'

const folder = fileURLToPath(new URL('../packages/algorithms/golden/', import.meta.url))

interface GoldenTrace {
  readonly agent_match?: string | null
  readonly spans: readonly Span[]
}

/** A triplet of the package; the proxy adapter's have fewer fields. */
interface PythonTriplet {
  readonly prompt: { readonly token_ids: readonly number[]; readonly raw_content?: unknown; readonly image_urls?: unknown }
  readonly response: {
    readonly token_ids: readonly number[]
    readonly raw_content?: unknown
    readonly logprobs?: readonly { readonly logprob: number }[]
  }
  readonly reward: number | null
  readonly metadata: Readonly<Record<string, unknown>>
}

type Answer<Item> = readonly Item[] | { readonly error: string }

/** What `adapt.py` prints for each file. */
interface PythonLine {
  readonly file: string
  readonly triplets: Answer<PythonTriplet>
  readonly proxy: Answer<PythonTriplet>
  readonly messages: Answer<unknown>
}

type Compared = 'triplets' | 'proxy' | 'messages'

/** Where the answers differ on purpose: by file and adapter, with the reason. Each must differ, or it has no place here. */
const differences: Readonly<Record<string, Partial<Record<Compared, string>>>> = {
  'gateway-and-client.json': {
    triplets:
      'Python takes the record that hangs below the agent, which has no token ids; ours is the richer record, with that agent',
    messages: 'Python writes the conversation once for each record of the call',
  },
  'linked-rewards.json': { triplets: 'Python reads no links of rewards: it gives the first reward to the last call' },
  'parallel-agents.json': { triplets: 'Python lists calls depth first; ours come in the order of time' },
  'proxy-back-fill.json': {
    triplets: 'Python wants openai.chat.completion in the name of a call; ours takes every call in a known form',
  },
}

const goldens = globSync('*.json', { cwd: folder }).toSorted()
let lines: ReadonlyMap<string, PythonLine>

beforeAll(async () => {
  await preparePython()
  const finished = await runPython(
    'adapt.py',
    goldens.map((name) => folder + name),
  )
  if (finished.code !== 0) throw new Error(`adapt.py ended with ${finished.code}:\n${finished.stderr}`)
  lines = new Map((jsonLines(finished) as PythonLine[]).map((line) => [line.file.slice(folder.length), line]))
})

/** Both sides' triplets in one form. Texts of tool calls differ by form: ours are OpenAI's, Python's those of its tracer. */
function toCommon({ prompt, response, reward, metadata }: Triplet) {
  const { agent_name: agentName, response_id: responseId, request, response: answer } = metadata
  const contents = [prompt.rawContent, response.rawContent].map(rolesAndTexts)
  return {
    tokenIds: [prompt.tokenIds, response.tokenIds],
    contents,
    images: prompt.imageUrls,
    logprobs: response.logprobs ?? null,
    reward,
    metadata: { agentName, responseId, request, answer },
  }
}

function fromPython({ prompt, response, reward, metadata }: PythonTriplet): Triplet {
  // "*" stands for no agent, and could be the name of one.
  const agentName = metadata['agent_name'] === '*' ? null : metadata['agent_name']
  const logprobs = response.logprobs?.map(({ logprob }) => logprob)
  return {
    prompt: {
      tokenIds: prompt.token_ids,
      rawContent: prompt.raw_content,
      imageUrls: (prompt.image_urls ?? []) as readonly string[],
    },
    response: { tokenIds: response.token_ids, rawContent: response.raw_content, ...(logprobs === undefined ? {} : { logprobs }) },
    reward,
    metadata: { ...metadata, agent_name: agentName },
  }
}

function rolesAndTexts(contents: unknown): unknown {
  if (!Array.isArray(contents)) return contents
  return contents.map(({ role, content = null }: { role?: unknown; content?: unknown }) => [role, content])
}

/** The proxy adapter of Python tells tokens, reward and response id alone. */
function toProxyCommon({ prompt, response, reward, metadata }: Triplet) {
  return [prompt.tokenIds, response.tokenIds, reward, metadata['response_id']]
}

/** Python's proxy adapter reads spans of these names only. */
function isProxyTrace({ spans }: GoldenTrace): boolean {
  return spans.some(({ name }) => name === 'litellm_request' || name === 'raw_gen_ai_request')
}

function compare(name: string, golden: GoldenTrace, python: PythonLine): Partial<Record<Compared, readonly [unknown, unknown]>> {
  const { spans, agent_match: agentMatch = null } = golden
  const read = <Item>(answer: Answer<Item>): readonly Item[] => {
    if ('error' in answer) throw new Error(`${name}: Python said ${answer.error}`)
    return answer
  }
  const proxy = [
    llmProxyTraceToTriplets().adapt(spans).map(toProxyCommon),
    read(python.proxy).map((triplet) => toProxyCommon(fromPython(triplet))),
  ] as const
  return {
    triplets: [
      traceToTriplets({ agentMatch }).adapt(spans).map(toCommon),
      read(python.triplets).map((triplet) => toCommon(fromPython(triplet))),
    ],
    messages: [traceToMessages().adapt(spans), read(python.messages)],
    ...(isProxyTrace(golden) ? { proxy } : {}),
  }
}

describe('the adapters against those of the Python package', () => {
  it.each(goldens)('make the same of %s, but for what differs on purpose', (name) => {
    const golden = JSON.parse(readFileSync(folder + name, 'utf8')) as GoldenTrace
    const compared = compare(name, golden, lines.get(name)!)
    const reasons = differences[name] ?? {}
    const entries = Object.entries(compared).map(([adapter, pair]) => [adapter as Compared, pair] as const)
    const alike = entries.filter(([adapter]) => reasons[adapter] === undefined)
    const sideOf = (side: 0 | 1): unknown => Object.fromEntries(alike.map(([adapter, pair]) => [adapter, pair[side]]))
    expect(sideOf(0)).toEqual(sideOf(1))
    const different = entries.filter(([adapter]) => reasons[adapter] !== undefined)
    expect(different.filter(([, [ours, theirs]]) => isDeepStrictEqual(ours, theirs)).map(([adapter]) => adapter)).toEqual([])
  })

  it('differ only where there is a trace', () => {
    expect(Object.keys(differences).filter((name) => !goldens.includes(name))).toEqual([])
  })
})
