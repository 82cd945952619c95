// The agent of the fault suite and its tracer, in a module of their own, as runners in other processes need them.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Agent, createDirectTracer, rollout } from '@agl/runner'
import type { NewSpan, Span, Tracer } from '@agl/types'
import { openGate } from './gate.ts'
import { openJournal } from './journal.ts'
import { readPlan, type Task } from './plan.ts'

const plan = readPlan()
const gate = openGate(plan)
const journal = openJournal(plan.folder)

/** The program imports this module too, to look at the agent. */
const isProgram = process.argv.at(-1) === 'program'
if (!isProgram || plan.strategy === 'shm') journal.write({ kind: 'process', pid: process.pid, role: 'runner' })
if (!isProgram) await gate.pass('before-claim', 'runner')

/** For as long as whoever is never stopped would run. */
const forever = 120_000
/** Longer than a runner that is to end waits for its agents. */
const straggleMs = 8_000

export const agent: Agent<Task> = rollout<Task>(async (task, { rollout: { rollout_id: rolloutId, attempt }, signal, emit }) => {
  const { attempt_id: attemptId } = attempt
  journal.write({ kind: 'began', rolloutId, attemptId, pid: process.pid })
  try {
    for (let step = 0; step < 3; step++) {
      emit.span(`step-${step}`, { step, task: rolloutId })
      await sleep(5 + 20 * task.reward, undefined, { signal })
      if (step === 1) await gate.pass('running', 'runner', attemptId)
    }
    if (task.kind === 'throw') throw new Error('no idea')
    if (task.kind === 'slow' || task.kind === 'cancel') await sleep(forever, undefined, { signal })
    if (task.kind === 'straggle') await sleep(attempt.sequence_id === 1 ? straggleMs : 0, undefined, { signal })
  } catch (error) {
    journal.write({ kind: 'ended', attemptId, how: signal.aborted ? 'aborted' : 'threw', reward: null })
    throw error
  }
  journal.write({ kind: 'ended', attemptId, how: 'returned', reward: task.reward })
  return task.reward
})

export function createFaultsTracer(): Tracer {
  const inner = createDirectTracer()
  return {
    async trace(attempt, work) {
      const { rolloutId, attemptId, sink } = attempt
      await gate.pass('claimed', 'runner', attemptId)
      const write = async (spans: readonly NewSpan[]): Promise<readonly Span[]> => {
        const stored = await sink.addManySpans({ spans })
        journal.write({ kind: 'spans', rolloutId, attemptId, spanIds: spans.map(({ span_id: spanId }) => spanId) })
        return stored
      }
      const inHalves: typeof sink = {
        async addManySpans({ spans }) {
          const half = Math.ceil(spans.length / 2)
          const first = await write(spans.slice(0, half))
          await gate.pass('spans', 'runner', attemptId)
          return half === spans.length ? first : [...first, ...(await write(spans.slice(half)))]
        },
      }
      const result = await inner.trace({ ...attempt, sink: inHalves }, work)
      await gate.pass('before-settle', 'runner', attemptId)
      return result
    },
    close: () => inner.close(),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
}
