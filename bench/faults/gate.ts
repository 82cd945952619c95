import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Phase, type Site, siteOf } from './cells.ts'
import type { Plan } from './plan.ts'

/** Who stands at the gate, and with which attempt. */
export interface Hit {
  readonly pid: number
  readonly attemptId: string | null
}

/** What is to be done when the gate opens. */
export interface Go {
  /** How long the loop is kept busy, in milliseconds; 0 = not at all. */
  readonly blockMs: number
}

export interface Gate {
  /**
   * Returns at once, unless the plan wants a process hit at this phase and this is the passage that it names, counted over all
   * processes: then it says so, and returns when whoever hits has done it.
   */
  pass(phase: Phase, site: Site, attemptId?: string): Promise<void>
  /** Says the same and goes on. */
  mark(phase: Phase, site: Site): void
}

/** Nobody is held for longer than this, in milliseconds, if whoever hits is gone. */
const longestHold = 30_000

export function openGate(plan: Plan): Gate {
  const { folder, nth } = plan
  const hitFile = join(folder, 'hit.json')

  function isChosen(phase: Phase, site: Site): boolean {
    if (nth === null || phase !== plan.phase || site !== siteOf(plan) || existsSync(hitFile)) return false
    for (let ticket = 1; ticket <= nth; ticket++) {
      try {
        mkdirSync(join(folder, `ticket-${ticket}`))
        return ticket === nth
      } catch {
        // Somebody was here before.
      }
    }
    return false
  }

  function say(attemptId: string | null): void {
    const hit: Hit = { pid: process.pid, attemptId }
    writeFileSync(`${hitFile}.new`, JSON.stringify(hit))
    renameSync(`${hitFile}.new`, hitFile)
  }

  return {
    async pass(phase, site, attemptId) {
      if (!isChosen(phase, site)) return
      say(attemptId ?? null)
      const end = performance.now() + longestHold
      let go = readGo(folder)
      for (; go === null && performance.now() < end; go = readGo(folder)) await sleep(5)
      if (go !== null && go.blockMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, go.blockMs)
    },
    mark(phase, site) {
      if (isChosen(phase, site)) say(null)
    },
  }
}

export function readHit(folder: string): Hit | null {
  const file = join(folder, 'hit.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Hit) : null
}

export function openTheGate(folder: string, go: Go): void {
  const file = join(folder, 'go.json')
  writeFileSync(`${file}.new`, JSON.stringify(go))
  renameSync(`${file}.new`, file)
}

function readGo(folder: string): Go | null {
  const file = join(folder, 'go.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Go) : null
}
