import { fork } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '@agl/algorithms'
import { atMost } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'

/** What a process that came to the end tells. */
export interface ResumableEnd {
  /** The result without what it took. */
  readonly result: unknown
}

/** A process that searches with its state in a SQLite store is killed, and begun again until it comes to its end. */
export const resume: Scenario = {
  name: 'apo-resume',
  title:
    'a search that is killed with SIGKILL at random moments: other results, and settled evaluations that were paid for again',
  async run({ isShort }) {
    const kills = isShort ? 8 : 100
    const random = createRandom(1)
    const kill = { left: kills }
    let [searches, different, paidTwice] = [0, 0, 0]
    while (kill.left > 0) {
      searches += 1
      const whole = await searchToTheEnd(searches, () => null)
      const mayKill = kill.left
      const killing = await searchToTheEnd(searches, (turn) => (turn < mayKill ? 400 + random.below(1_200) : null))
      kill.left -= killing.killed
      if (JSON.stringify(killing.end) !== JSON.stringify(whole.end)) different += 1
      paidTwice += killing.paidTwice
    }
    const note = `${kills - kill.left} kills in ${searches} searches`
    const figure = (name: string, unit: string, count: number) => ({
      name,
      unit,
      better: 'lower' as const,
      ours: { median: count, min: count, max: count },
      peer: null,
      target: atMost('value', 0),
      note,
    })
    return [
      figure('apo-resume', 'searches with another result', different),
      figure('apo-resume-paid-twice', 'settled evaluations paid for again', paidTwice),
    ]
  },
}

/** @param lifeMs after which each process in turn is killed; null = it may live */
async function searchToTheEnd(
  seed: number,
  lifeMs: (turn: number) => number | null,
): Promise<{ readonly end: ResumableEnd; readonly killed: number; readonly paidTwice: number }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'agl-bench-resume-'))
  try {
    for (let turn = 0; ; turn += 1) {
      const end = await live(folder, seed, lifeMs(turn))
      if (end !== null) return { end, killed: turn, paidTwice: await countPaidTwice(path.join(folder, 'calls.jsonl')) }
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function live(folder: string, seed: number, lifeMs: number | null): Promise<ResumableEnd | null> {
  const child = fork(new URL('resumable.ts', import.meta.url), [folder, String(seed)], { execArgv: ['--conditions=@agl/source'] })
  let end: ResumableEnd | null = null
  child.once('message', (message) => void (end = message as ResumableEnd))
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const done = new AbortController()
  if (lifeMs !== null) {
    const killing = async (): Promise<void> => {
      await sleep(lifeMs, undefined, { signal: done.signal })
      child.kill('SIGKILL')
    }
    killing().catch(() => {})
  }
  const code = await exited
  done.abort()
  if (code !== null && code !== 0) throw new Error(`The search ended with ${code}.`)
  return end
}

/** Evaluations whose score was in the store, and that were begun again after that. */
async function countPaidTwice(file: string): Promise<number> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  const settled = new Set<string>()
  let count = 0
  for (const line of lines) {
    const [event, key] = JSON.parse(line) as ['began' | 'settled', string]
    if (event === 'settled') settled.add(key)
    else if (settled.has(key)) count += 1
  }
  return count
}
