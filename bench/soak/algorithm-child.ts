// Enqueues the tasks and waits for all of them; when it is killed and begun again, it does not matter how far it was.
import { openPlace, type Place, rolloutIdOf, untilDone } from './parts.ts'

const { place, rollouts, leaseSeconds } = JSON.parse(process.argv[2]!) as {
  readonly place: Place
  readonly rollouts: number
  readonly leaseSeconds: number
}
const batch = 100
const store = await openPlace(place)
for (let start = 0; start < rollouts; start += batch) {
  const ids = Array.from({ length: Math.min(batch, rollouts - start) }, (_, index) => rolloutIdOf(start + index))
  const requests = ids.map((rolloutId) => ({
    input: { task: rolloutId },
    rollout_id: rolloutId,
    // Whoever runs it may be killed many times.
    config: {
      max_attempts: 1000,
      retry_condition: ['unresponsive', 'timeout', 'failed'] as const,
      unresponsive_seconds: leaseSeconds * 20,
      timeout_seconds: null,
    },
  }))
  await untilDone(() => store.enqueueManyRollouts({ rollouts: requests }))
}
for (let left = Array.from({ length: rollouts }, (_, index) => rolloutIdOf(index)); left.length > 0;) {
  const finished = await untilDone(() => store.waitForRollouts({ rolloutIds: left, atLeast: batch, timeoutMs: 5000 }))
  const done = new Set(finished.map((rollout) => rollout.rollout_id))
  left = left.filter((id) => !done.has(id))
}
process.exit(0)
