import { setTimeout as sleep } from 'node:timers/promises'
import { type Agent, rollout } from '@agl/runner'
import { emitReward } from '@agl/tracer-otel'
import { type Attributes, trace } from '@opentelemetry/api'
import { mulberry32 } from '../lib/random.ts'

/** The agent of the reference's own benchmark: rounds of two sleeping steps each, with attributes that mean nothing. */
export interface ScenarioTask {
  readonly seed: number
  readonly maxRounds: number
  /** The longest sleep of a step, in seconds. */
  readonly sleep: number
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Texts in a map of one to three levels, flat: 28 attributes and 5 kB on average. Made before anything is measured. */
function createAttributes(random: () => number): Attributes {
  const integer = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  const text = (length: number): string => Array.from({ length }, () => alphabet[integer(0, alphabet.length - 1)]).join('')
  const attributes: Record<string, string> = {}
  const fill = (prefix: string, level: number): void => {
    const breadth = integer(2, 6)
    const depth = integer(level, 3)
    for (let index = 0; index < breadth; index++) {
      const key = `${prefix}${text(integer(3, 20))}`
      if (level === depth) attributes[key] = text(integer(5, 300))
      else fill(`${key}.`, level + 1)
    }
  }
  fill('', 1)
  return attributes
}

const random = mulberry32(7)
const pool = Array.from({ length: 200 }, () => createAttributes(random))

export const scenarioAgent: Agent<ScenarioTask> = rollout<ScenarioTask>(async (task, { signal }) => {
  const next = mulberry32(task.seed)
  const tracer = trace.getTracer('scenario')
  const step = (name: string): Promise<void> =>
    tracer.startActiveSpan(name, async (span) => {
      span.setAttributes(pool[Math.floor(next() * pool.length)]!)
      await sleep(next() * task.sleep * 1000, undefined, { signal })
      span.end()
    })
  const rounds = 1 + Math.floor(next() * task.maxRounds)
  for (let round = 0; round < rounds; round++) {
    await tracer.startActiveSpan(`agent${round}`, async (span) => {
      if (round === 0) span.setAttribute('task', task.seed)
      await step('first')
      await step('second')
      span.end()
    })
    if (next() < 0.5) emitReward(next())
  }
  await step('final')
  return 1 + next()
})
