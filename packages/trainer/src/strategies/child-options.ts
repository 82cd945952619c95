import type { JsonObject } from '@agl/types'
import { runnerDefaults } from '@agl/runner'
import { z } from 'zod'
import type { ProcessLimits } from '../children/protocol.ts'

/** How runner processes are kept and ended. */
export interface ChildOptions {
  /** How often each runner is started again after its process died; at least 0. Then the run fails. */
  readonly maxRestarts?: number
  /** A runner that ran for so long has its restarts back, in milliseconds; at least 0. */
  readonly steadyAfterMs?: number
  /**
   * How long a runner process has to end when the run is over, in milliseconds; then it is terminated. Default: the runner's own
   * `shutdownGraceMs`, twice its `abortGraceMs`, and 3 s: 10 s with its defaults.
   */
  readonly graceMs?: number
  /** How long it has to end after that, in milliseconds; then it is killed. */
  readonly terminateMs?: number
  /**
   * The resident memory of a runner process, in MiB; at least 64. Above it the process claims nothing more, finishes what it runs and is
   * replaced; half as much again, and it is killed. Default: no limit.
   */
  readonly maxMemoryMb?: number
  /** How long a process above its limit of memory may finish what it runs, in milliseconds; then that ends as `infra_error`. */
  readonly memoryGraceMs?: number
}

/** The defaults of {@link ChildOptions}, `graceMs` and `maxMemoryMb` apart. */
export const childDefaults: Readonly<Required<Omit<ChildOptions, 'graceMs' | 'maxMemoryMb'>>> = Object.freeze({
  maxRestarts: 3,
  steadyAfterMs: 60_000,
  terminateMs: 5_000,
  memoryGraceMs: 60_000,
})

/** With what help tells of each. */
export const childOptionShapes: Readonly<Record<keyof ChildOptions, z.ZodType>> = {
  maxRestarts: z.int().min(0).optional().meta({
    description: 'how often each runner is started again after its process died',
    default: childDefaults.maxRestarts,
  }),
  steadyAfterMs: z.number().min(0).optional().meta({
    description: 'a runner that ran for so long has its restarts back',
    default: childDefaults.steadyAfterMs,
  }),
  graceMs: z.number().min(0).optional().meta({
    description: "how long a runner process has to end when the run is over; more than the runner's own shutdownGraceMs",
  }),
  terminateMs: z.number().min(0).optional().meta({
    description: 'how long it has to end after that, before it is killed',
    default: childDefaults.terminateMs,
  }),
  maxMemoryMb: z.number().min(64).optional().meta({
    description: 'how much memory a runner process may use, in MiB; one that uses more is replaced',
  }),
  memoryGraceMs: z.number().min(0).optional().meta({
    description: 'how long what runs may go on in a process that uses too much memory',
    default: childDefaults.memoryGraceMs,
  }),
}

/** What it takes a runner with these settings to hand back what it runs, and a little more. */
export function graceFor(settings: JsonObject): number {
  const { shutdownGraceMs, abortGraceMs } = { ...runnerDefaults, ...settings } as typeof runnerDefaults
  return shutdownGraceMs + 2 * abortGraceMs + 3_000
}

/** What the watchdogs of processes with these settings and options look for. */
export function limitsFor(settings: JsonObject, { maxMemoryMb }: ChildOptions): ProcessLimits {
  const { maxStallMs } = { ...runnerDefaults, ...settings } as typeof runnerDefaults
  return { maxMemoryBytes: maxMemoryMb === undefined ? null : maxMemoryMb * 2 ** 20, maxStallMs }
}
