/** Half of the tasks are done by this process, the rest after the store was closed and opened again. */
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFileStore } from './file-store.ts'

const file = join(tmpdir(), `agl-custom-store-${process.pid}.jsonl`)
const workUntil = async (limit: number): Promise<void> => {
  const store = createFileStore({ file })
  for (const claimed of await store.dequeueManyRollouts({ limit, workerId: 'main' })) {
    await store.updateAttempt({ rolloutId: claimed.rollout_id, attemptId: claimed.attempt.attempt_id, status: 'succeeded' })
  }
  await store.close()
}

const first = createFileStore({ file })
await first.enqueueManyRollouts({ rollouts: ['a', 'b', 'c', 'd'].map((input) => ({ input })) })
await first.close()
await workUntil(2)
await workUntil(9)
const last = createFileStore({ file })
const { items } = await last.queryRollouts()
console.log(JSON.stringify(items.map((rollout) => [rollout.input, rollout.status])))
await last.close()
rmSync(file)
