import { z } from 'zod'
import type { RunnerSettings } from '../../options.ts'
import { field } from '../field.ts'

/** The settings of runners, for the configuration of a program; `createRunner` checks them as well. */
export const runnerSettingsSchema: z.ZodType<RunnerSettings> = z.strictObject({
  concurrency: field(z.int().min(1), 'rollouts at a time in each runner', 1).meta({ live: true }),
  leaseMs: field(z.number().min(100), 'how long claimed work stays with a runner that is not heard of', 30_000),
  maxStallMs: field(z.number().min(1000), 'how long an agent may keep its process busy without losing its work', 300_000),
  waitMs: field(z.number().min(0), 'how long one claim waits for work', 30_000),
  hookTimeoutMs: field(z.number().min(1), 'how long a hook may take', 10_000),
  attemptTimeoutMs: field(z.number().positive().nullable(), 'longest time of one attempt', 900_000),
  abortGraceMs: field(z.number().min(0), 'how long an agent has to end once it is told to', 1_000),
  shutdownGraceMs: field(z.number().min(0), 'how long what runs may go on after the runner is told to stop', 5_000),
  maxRollouts: field(z.int().min(1).nullable(), 'each runner ends after so many', null),
})
