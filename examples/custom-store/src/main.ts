/** Half of the tasks are done by this process, the rest after the store was closed and opened again. */
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFileStore } from './file-store.ts'

const file = join(tmpdir(), `agl-custom-store-${process.pid}.jsonl`)
const workUntil = async (limit: number): Promise<void> => {
  await using store = createFileStore({ file })
  for (const claimed of await store.dequeueManyRollouts({ limit, workerId: 'main' })) {
    await store.updateAttempt({ rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id, status: 'succeeded' })
  }
}

{
  await using store = createFileStore({ file })
  await store.enqueueManyRollouts({ rollouts: ['a', 'b', 'c', 'd'].map((input) => ({ input })) })
}
await workUntil(2)
await workUntil(9)
{
  await using store = createFileStore({ file })
  const { items } = await store.queryRollouts()
  console.log(JSON.stringify(items.map((rollout) => [rollout.input, rollout.status])))
}
rmSync(file)
