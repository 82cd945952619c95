import type { RememberedKey } from '@agl/store-kit'
import type { AttemptedRollout, ResourcesUpdate, Rollout } from '@agl/types'
import { decodeAttempted, decodeRollout, separator, type StoredRollout } from './records.ts'
import { getResourcesById } from './resources.ts'
import type { RedisState } from './state.ts'

/*
 * What calls with an idempotency key answered, as scripts keep it (see `include/answers.lua`): the id of a rollout; the reply to a
 * claim or a change as JSON, or `["j", answer]` for one that came with a snapshot; the versions of resources as JSON.
 */

export type StoredAnswer = RememberedKey & { readonly answer: string }

/** All that are still remembered. */
export async function* readAnswers({ connection, keys }: RedisState): AsyncGenerator<StoredAnswer, void, void> {
  const prefix = keys.of('answer')
  for await (const found of connection.scan(`${escapePattern(prefix)}*`)) {
    for (const name of found) {
      const text = await connection.run((client) => client.get(name))
      if (text === null) continue
      const [verb = '', time, ...answer] = text.split(separator)
      yield { verb, key: name.slice(prefix.length), time: Number(time), answer: answer.join(separator) }
    }
  }
}

export function escapePattern(text: string): string {
  return text.replace(/[\\*?[\]^]/g, String.raw`\$&`)
}

type Claims = readonly ['+', ...StoredRollout[]] | readonly ['j', unknown]

/** As a snapshot holds it; undefined where what it names has been deleted. */
export async function decodeAnswer(state: RedisState, { verb, answer }: StoredAnswer): Promise<unknown> {
  switch (verb) {
    case 'enqueueRollout':
    case 'startRollout':
      return answer
    case 'dequeueRollout':
      return decodeClaims(answer)[0] ?? null
    case 'dequeueManyRollouts':
      return decodeClaims(answer)
    case 'startAttempt':
      return decodeClaims(answer)[0]
    case 'updateRollout':
      return decodeChanged(answer)
    default: {
      const updates = await readUpdates(state, JSON.parse(answer) as readonly (readonly [string, number])[])
      if (updates === null) return undefined
      return verb === 'updateManyResources' ? updates : updates[0]
    }
  }
}

/** What was claimed, of the JSON of a reply. */
export function decodeClaims(text: string): readonly AttemptedRollout[] {
  const [word, ...rest] = JSON.parse(text) as Claims
  if (word === '+') return (rest as readonly StoredRollout[]).map((stored) => decodeAttempted(stored) as AttemptedRollout)
  const [answer] = rest
  if (answer === null) return []
  return (Array.isArray(answer) ? answer : [answer]) as readonly AttemptedRollout[]
}

/** How a rollout stood after it was changed, of the JSON of a reply. */
export function decodeChanged(text: string): Rollout {
  const [word, answer] = JSON.parse(text) as readonly ['+', StoredRollout] | readonly ['j', Rollout]
  return word === '+' ? decodeRollout(answer) : answer
}

async function readUpdates(
  state: RedisState,
  versions: readonly (readonly [string, number])[],
): Promise<readonly ResourcesUpdate[] | null> {
  const updates: ResourcesUpdate[] = []
  for (const [resourcesId, version] of versions) {
    const update = await getResourcesById(state, { resourcesId, version })
    if (update === null) return null
    updates.push(update)
  }
  return updates
}

/** As scripts keep it. */
export function encodeAnswer(verb: string, answer: unknown): string {
  switch (verb) {
    case 'enqueueRollout':
    case 'startRollout':
      return answer as string
    case 'dequeueRollout':
    case 'dequeueManyRollouts':
    case 'startAttempt':
    case 'updateRollout':
      return JSON.stringify(['j', answer])
    default: {
      const updates = (Array.isArray(answer) ? answer : [answer]) as readonly ResourcesUpdate[]
      return JSON.stringify(
        updates.map((item) => [item.resources_id, item.version, String(item.create_time), String(item.update_time)]),
      )
    }
  }
}
