import { type Agent, infraError, promptRollout } from '@agl/runner'
import { errorMessage, spanAttributes } from '@agl/types'
import type OpenAI from 'openai'
import { z } from 'zod'
import { grade } from './grade.ts'
import { bookingsOn, isFree, type Room } from './office.ts'
import type { BookingTask } from './tasks.ts'

/** What APO improves. How to choose among several rooms that would do it leaves unsaid: that is there to be found. */
export const seedPrompt: string =
  'Book a meeting room on {date} at {time} for {duration_min} minutes and {attendees} people. Equipment: {needs}. ' +
  'Wheelchair access: {accessible_required}. Answer with the name of the room, or with "No Room" if there is none.'

export interface BookingAgentOptions {
  /** With `createTracedFetch()`, so that a critic can be shown what was said. */
  readonly client: OpenAI
  readonly model: string
  readonly office: readonly Room[]
  /** Null: the model's own; some take no other. */
  readonly temperature: number | null
}

const slotSchema = z.object({
  date: z.iso.date(),
  time: z.string().regex(/^\d\d:\d\d$/),
  duration_min: z.coerce.number().int().positive(),
})

const toolName = 'get_rooms_and_availability'
const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: 'function',
    function: {
      name: toolName,
      description: 'All rooms, with whether each is free at that time.',
      parameters: {
        type: 'object',
        properties: {
          date: { type: 'string', description: 'YYYY-MM-DD' },
          time: { type: 'string', description: 'HH:MM' },
          duration_min: { type: 'integer' },
        },
        required: ['date', 'time', 'duration_min'],
        additionalProperties: false,
      },
    },
  },
]

const mostTurns = 4

/** A loop that calls the tool until the model answers; a function grades the answer. */
export function createBookingAgent({ client, model, office, temperature }: BookingAgentOptions): Agent<BookingTask> {
  return promptRollout<BookingTask>(async (task, { promptTemplate, emit, seed, signal }) => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: promptTemplate.format(valuesOf(task)) }]
    for (let turn = 0; turn < mostTurns; turn += 1) {
      const message = await ask(messages, seed, signal)
      messages.push(message)
      const calls = message.tool_calls ?? []
      if (calls.length === 0) return settle(grade(office, task, message.content ?? ''))
      for (const call of calls) {
        messages.push({ role: 'tool', tool_call_id: call.id, content: JSON.stringify(answerTool(call)) })
      }
    }
    return settle({ reward: 0, feedback: `It called the tool ${mostTurns} times and never gave an answer.` })

    function settle({ reward, feedback }: { readonly reward: number; readonly feedback: string }): number {
      if (feedback !== '') emit.annotation({ [spanAttributes.feedback]: feedback })
      return reward
    }
  })

  async function ask(
    messages: readonly OpenAI.ChatCompletionMessageParam[],
    seed: number,
    signal: AbortSignal,
  ): Promise<OpenAI.ChatCompletionMessage> {
    try {
      const body = { model, messages: [...messages], tools, seed, ...(temperature === null ? {} : { temperature }) }
      const { choices } = await client.chat.completions.create(body, { signal })
      return choices[0]!.message
    } catch (cause) {
      signal.throwIfAborted()
      // The service failed, not the agent: the rollout is tried again, and counts for nothing if that fails too.
      throw infraError({ code: 'upstream_failed', message: `The model did not answer: ${errorMessage(cause)}`, cause })
    }
  }

  function answerTool(call: OpenAI.ChatCompletionMessageToolCall): unknown {
    if (call.type !== 'function' || call.function.name !== toolName) return { error: `There is one tool: ${toolName}.` }
    const slot = slotSchema.safeParse(parseJson(call.function.arguments))
    if (!slot.success) return { error: 'Expected { date: "YYYY-MM-DD", time: "HH:MM", duration_min: minutes }.' }
    return office.map((room) => ({
      id: room.id,
      capacity: room.capacity,
      equipment: room.equipment,
      accessible: room.accessible,
      distance_m: room.distanceM,
      bookings_that_day: bookingsOn(room, slot.data.date),
      free: isFree(room, slot.data),
    }))
  }
}

function valuesOf({ needs, accessible_required: isRequired, ...task }: BookingTask): Readonly<Record<string, string | number>> {
  return { ...task, needs: needs.join(', ') || 'none', accessible_required: isRequired ? 'yes' : 'no' }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
