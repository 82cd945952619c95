// A runner that writes down each span that the store has acknowledged.
import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { createRunner, rollout } from '@agl/runner'
import type { NewSpan } from '@agl/types'
import { openPlace, type Place, untilDone } from './parts.ts'

const { place, logFile, workerId, leaseMs } = JSON.parse(process.argv[2]!) as {
  readonly place: Place
  readonly logFile: string
  readonly workerId: string
  readonly leaseMs: number
}
const store = await openPlace(place)

const agent = rollout(async (_task, { rollout: { rollout_id: rolloutId, attempt }, signal }) => {
  for (let step = 0; step < 3; step++) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
    signal.throwIfAborted()
    const spans = [0, 1].map((part) => spanOf(rolloutId, attempt.attempt_id, `step-${step}-${part}`))
    const stored = await untilDone(() => store.addManySpans({ spans }))
    // One write, and no buffer that dies with the process.
    appendFileSync(logFile, stored.map((span) => `${rolloutId} ${attempt.attempt_id} ${span.span_id}\n`).join(''))
  }
  return 1
})

function spanOf(rolloutId: string, attemptId: string, name: string): NewSpan {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')]
  const now = Date.now() / 1000
  return {
    rollout_id: rolloutId,
    attempt_id: attemptId,
    trace_id: traceId,
    span_id: spanId,
    parent_id: null,
    name,
    status: { status_code: 'OK', description: null },
    attributes: { step: name },
    events: [],
    links: [],
    start_time: now,
    end_time: now,
    context: null,
    parent: null,
    resource: { attributes: {}, schema_url: '' },
  }
}

const runner = createRunner({ store, agent, workerId, concurrency: 4, leaseMs, waitMs: 5000 })
for (;;) await untilDone(() => runner.run())
