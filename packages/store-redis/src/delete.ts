import { separator } from './records.ts'
import type { RedisState } from './state.ts'

/** Rollouts deleted in one script. */
const stepSize = 100

/** Deletes those that are finished; answers their ids. */
export async function deleteRollouts(state: RedisState, rolloutIds: readonly string[]): Promise<readonly string[]> {
  const ids = [...new Set(rolloutIds)]
  const all: string[] = []
  for (let start = 0; start < ids.length; start += stepSize) {
    const [, deleted, trash] = await state.calls.call('delete', [state.ids.attemptId(), ...ids.slice(start, start + stepSize)])
    all.push(...(deleted as readonly string[]))
    await emptyTrash(state, trash as readonly string[])
  }
  return all
}

/** Deletes spans that scripts have thrown away; until this is done they stay noted, whatever becomes of this process. */
export async function emptyTrash({ connection, keys }: RedisState, trash: readonly string[]): Promise<void> {
  if (trash.length === 0) return
  await connection.run((client) =>
    Promise.all(
      trash.map((text) => {
        const [place = '', ...id] = text.split(separator)
        return client.unlink(keys.spans(id.join(separator), place))
      }),
    ),
  )
  await connection.run((client) => client.srem(keys.of('trash'), ...trash))
}

/** What others have left, for example because they died. */
export async function emptyOthersTrash(state: RedisState): Promise<void> {
  const { connection, keys } = state
  await emptyTrash(state, await connection.run((client) => client.srandmember(keys.of('trash'), stepSize)))
}
