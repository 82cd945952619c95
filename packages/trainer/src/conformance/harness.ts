import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Algorithm } from '@agl/types'
import { afterEach, beforeEach, expect, onTestFinished } from 'vitest'
import type { ModuleExport } from '../module-export.ts'
import type { RunnerSettings, TrainerOptions } from '../options.ts'
import type { StrategyChoice } from '../strategies/choose.ts'
import { createTrainer, type Trainer } from '../trainer.ts'
import { loadStrategy } from './tasks.ts'

export interface StrategyContractOptions {
  readonly name: string
  /** As `createTrainer` takes it, or where one comes from: an exported function that makes it of `options`. */
  readonly strategy: StrategyChoice | ModuleExport
  /** Whether each runner has a process of its own, which may die without the program. */
  readonly hasProcesses: boolean
}

/** How long what must happen may take on a busy machine, in milliseconds. */
export const patienceMs = 30_000

/** A trainer of the suite; its store is closed after the test. */
export async function trainerOf<Result>(
  { strategy }: StrategyContractOptions,
  algorithm: Algorithm<Result>,
  more: Omit<Partial<TrainerOptions>, 'runner'> & { readonly runner?: RunnerSettings } = {},
): Promise<Trainer<Result | undefined, unknown>> {
  const runner = { leaseMs: 60_000, shutdownGraceMs: 200, abortGraceMs: 200, ...more.runner }
  const trainer = createTrainer<Result>({ ...more, algorithm, runner, strategy: await loadStrategy(strategy) })
  onTestFinished(() => trainer.store.close())
  return trainer
}

/** Whether a process is there and not only waiting to be buried by one that is gone itself. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return process.platform !== 'linux'
  }
}

/** A new folder that agents tell their processes by, removed after the test. */
export function processFolder(): { readonly folder: string; readonly pids: () => readonly number[] } {
  const folder = mkdtempSync(path.join(tmpdir(), 'agl-suite-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return { folder, pids: () => readdirSync(folder).map(Number) }
}

/** Looks again and again, with no timer of its own under way while it looks. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs
  while (!(await isTrue())) {
    if (performance.now() > end) expect.unreachable(`It was not so within ${patienceMs} ms: ${isTrue.toString()}`)
    await sleep(20)
  }
}

/** What a program of this process id has left among the temporary files. */
export function foldersOf(pid: number): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`agl-${pid}-`))
}

const resources = (): readonly string[] =>
  process.getActiveResourcesInfo().filter((name) => /^(?:ProcessWrap|TCPServerWrap|PipeServerWrap|PipeWrap|Timeout)$/.test(name))

/** After each test: no process, server, socket or timer more than before it, and no folder. */
export function watchForLeaks(): void {
  let before: readonly string[] = []
  beforeEach(() => {
    before = resources()
  })
  afterEach(async () => {
    // What was closed just now is gone a turn or two later.
    await until(() => resources().length <= before.length)
    expect(foldersOf(process.pid)).toEqual([])
  }, 2 * patienceMs)
}
