import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createRandom, hashJson, randomFor } from '@agl/algorithms'
import type { JsonValue } from '@agl/types'

/**
 * An endpoint with three models that follow rules of thumb. `clerk` books rooms and knows no more than its prompt says: it looks at
 * seats and free rooms of itself, and slips now and then. `critic` asks for what the feedback points at, and is wrong in a quarter of all
 * cases; `babbler` is a critic that says words at random. Both edit by adding the sentence that the review asks for.
 */
export interface ScriptedModels {
  readonly baseUrl: string
  readonly calls: Readonly<Record<string, number>>
  close(): Promise<void>
}

interface Message {
  readonly role: string
  readonly content: string | null
}

interface Request {
  readonly model: string
  readonly messages: readonly Message[]
  readonly seed?: number
}

export async function startScriptedModels(): Promise<ScriptedModels> {
  const calls: Record<string, number> = {}
  const server = createServer((incoming, outgoing) => {
    void text(incoming).then((body) => {
      const request = JSON.parse(body) as Request
      calls[request.model] = (calls[request.model] ?? 0) + 1
      outgoing.setHeader('content-type', 'application/json')
      outgoing.end(JSON.stringify(toReply(request, answer(request))))
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => void server.close(resolve))
    },
  }
}

interface Answer {
  readonly content: string | null
  readonly slot?: JsonValue
}

function answer(request: Request): Answer {
  const [first] = request.messages
  const said = first!.content ?? ''
  if (said === 'Say: ready') return { content: 'ready' }
  if (request.model === 'clerk') return serve(said, request.messages.at(-1)!, request.seed ?? 0)
  const random = randomFor(request.seed ?? 0, request.model)
  if (said.includes('<review>')) return { content: edit(said) }
  const isRandom = request.model === 'babbler' || random.next() < 0.25
  return { content: isRandom ? `Say: ${babble(random.seed())}` : criticize(said, random.seed()) }
}

/** What sentences of a prompt the clerk understands, and what the feedback says where one is missing. */
const rules = [
  {
    said: /only rooms without stairs/i,
    sentence: 'For wheelchairs take only rooms without stairs.',
    missed: /cannot get into it/,
  },
  { said: /everything on the list/i, sentence: 'The room has everything on the list.', missed: /not in it/ },
  { said: /as few seats as possible/i, sentence: 'Take as few seats as possible.', missed: /how many seats/ },
  { said: /nothing that nobody asked for/i, sentence: 'Give them nothing that nobody asked for.', missed: /what equipment/ },
  { said: /as near as possible/i, sentence: 'Then as near as possible.', missed: /how far/ },
  { said: /the quietest/i, sentence: 'Then the quietest that day.', missed: /how often/ },
] as const

interface OfferedRoom {
  readonly id: string
  readonly capacity: number
  readonly equipment: readonly string[]
  readonly accessible: boolean
  readonly distance_m: number
  readonly bookings_that_day: number
  readonly free: boolean
}

function serve(prompt: string, last: Message, seed: number): Answer {
  const task = readTask(prompt)
  if (last.role !== 'tool') return { content: null, slot: { date: task.date, time: task.time, duration_min: task.minutes } }
  const [stairs, list, seats, extras, near, quiet] = rules.map(({ said }) => said.test(prompt))
  const fitting = (JSON.parse(last.content ?? '[]') as readonly OfferedRoom[]).filter(
    (room) =>
      room.free &&
      room.capacity >= task.people &&
      (!stairs || !task.wheelchair || room.accessible) &&
      (!list || task.needs.every((item) => room.equipment.includes(item))),
  )
  const costs = (room: OfferedRoom): readonly number[] => [
    seats ? room.capacity : 0,
    extras ? room.equipment.length : 0,
    near ? room.distance_m : 0,
    quiet ? room.bookings_that_day : 0,
  ]
  const ranked = fitting.toSorted(
    (a, b) =>
      costs(a)
        .map((cost, rank) => cost - costs(b)[rank]!)
        .find((gap) => gap !== 0) ?? 0,
  )
  // A slip now and then, at other bookings for every prompt: whoever picks the best of several picks luck as well.
  const slips = randomFor(seed, prompt).next() < 0.15
  const room = ranked[slips ? 1 : 0]
  return { content: room === undefined ? 'No Room' : `I would take ${room.id}.` }
}

function readTask(prompt: string) {
  const [, date = '', time = '', minutes = '', people = ''] =
    /on (\S+) at (\S+) for (\d+) minutes and (\d+) people/.exec(prompt) ?? []
  const needs = /Equipment: (.+?)\. Wheelchair/.exec(prompt)?.[1] ?? 'none'
  return {
    date,
    time,
    minutes: Number(minutes),
    people: Number(people),
    needs: needs === 'none' ? [] : needs.split(', '),
    wheelchair: prompt.includes('Wheelchair access: yes'),
  }
}

/** What one of the failed bookings points at and the prompt does not say yet. */
function criticize(question: string, seed: number): string {
  const missing = rules.filter(({ missed, sentence }) => missed.test(question) && !question.includes(sentence))
  return `Say: ${missing[createRandom(seed).below(missing.length)]?.sentence ?? babble(seed)}`
}

const words = ['please', 'quickly', 'today', 'kindly', 'again', 'rooms', 'really', 'always'] as const

function babble(seed: number): string {
  return `Book ${createRandom(seed).shuffle(words).slice(0, 4).join(' ')}.`
}

function edit(question: string): string {
  const prompt = /<prompt>\n([^]*?)\n<\/prompt>/.exec(question)![1]!
  const sentence = /<review>\nSay: ([^]*?)\n<\/review>/.exec(question)![1]!
  return JSON.stringify({ rationale: 'The review asks for it.', template: `${prompt} ${sentence}` })
}

function toReply({ model, messages, seed = 0 }: Request, { content, slot }: Answer): JsonValue {
  const id = hashJson([model, messages as unknown as JsonValue, seed]).slice(0, 16)
  const call = { name: 'get_rooms_and_availability', arguments: JSON.stringify(slot) }
  const message = {
    role: 'assistant',
    content,
    ...(slot === undefined ? {} : { tool_calls: [{ id: `call-${id}`, type: 'function', function: call }] }),
  }
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: 1_700_000_000,
    model,
    choices: [{ index: 0, message, finish_reason: slot === undefined ? 'stop' : 'tool_calls' }],
    usage: { prompt_tokens: 500, completion_tokens: 20, total_tokens: 520 },
  }
}
