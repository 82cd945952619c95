import type { RunEvent, Spend } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { createTerminalProgress, type TerminalProgress, type TerminalProgressOptions } from './terminal-progress.ts'

const spend: Spend = { rollouts: 12, modelCalls: 1, tokens: 34_567, usd: 0.1234, minutes: 0.5 }

function phase(done: number, more: object = {}): RunEvent {
  return { type: 'phase', phase: 'validation', step: 2, done, total: 100, reward: null, ...more }
}

interface Screen {
  readonly progress: TerminalProgress
  readonly written: () => string
  /** What somebody at the terminal sees. */
  readonly lines: () => readonly string[]
  readonly pass: (milliseconds: number) => void
}

function screen({
  isTTY = true,
  columns = 120,
  ...options
}: Partial<TerminalProgressOptions> & { isTTY?: boolean; columns?: number } = {}): Screen {
  let text = ''
  let time = 0
  const stream = { isTTY, columns, write: (piece: string) => void (text += piece) }
  const progress = createTerminalProgress({ stream, now: () => time, ...options })
  const lines = (): readonly string[] =>
    text.split('\n').map((line) => line.slice(line.lastIndexOf('\r\u001b[K') + 1).replace('\u001b[K', ''))
  return { progress, written: () => text, lines, pass: (milliseconds) => void (time += milliseconds) }
}

describe('on a terminal', () => {
  it('rewrites one line about the phase, with rate, time left and reward', () => {
    const { progress, lines, pass } = screen()
    progress.show(phase(20))
    expect(lines()).toEqual(['step 2, validation: 20 of 100'])
    pass(2_000)
    progress.show(phase(60, { reward: 0.81234 }))
    expect(lines()).toEqual(['step 2, validation: 60 of 100, 20/s, 2 s left, reward 0.8123'])
    pass(10)
    progress.show(phase(61))
    expect(lines()[0]).toContain('60 of 100')
    progress.show(phase(100))
    expect(lines()).toEqual(['step 2, validation: 100 of 100, 40/s'])
    progress.done()
    expect(lines()).toEqual([''])
  })

  it('keeps plan, notes and metrics as lines above it', () => {
    const { progress, lines } = screen()
    progress.show({ type: 'plan', limits: { rollouts: 1200, usd: 2.5, minutes: 90, tokens: 0 }, lines: ['3 rounds'] })
    progress.show(phase(1))
    progress.show({ type: 'note', text: 'the first is the best' })
    progress.show({ type: 'metrics', step: 2, metrics: { reward: 0.5, loss: 1.23456, kept: 30 } })
    progress.line('of a logger')
    expect(lines()).toEqual([
      'plan:',
      '  3 rounds',
      '  at most 1,200 rollouts, $2.50, 1 h 30 min',
      'the first is the best',
      'step 2 done: reward 0.5, loss 1.235, kept 30',
      'of a logger',
      'step 2, validation: 1 of 100',
    ])
  })

  it('tells what was spent and how many workers are busy, once somebody has said so', async () => {
    let count: () => Promise<number> = async () => 3
    const { progress, lines, pass } = screen({ countBusyWorkers: () => count() })
    const next = async (): Promise<string> => {
      pass(1_001)
      progress.show(phase(0))
      await new Promise(setImmediate)
      pass(51)
      progress.show(phase(0))
      return lines().at(-1)!
    }
    progress.show({ type: 'spent', spend })
    expect(await next()).toBe(
      'step 2, validation: 0 of 100, 3 workers busy, 12 rollouts, 1 model call, 34,567 tokens, $0.1234, 30 s',
    )
    count = async () => 1
    expect(await next()).toContain('1 worker busy')
    count = () => Promise.reject(new Error('the store is away'))
    await next()
    expect(await next()).not.toContain('busy')
  })

  it.each([
    [20, 'step 2, validation…'],
    [1, '…'],
    [29, 'step 2, validation: 5 of 100'],
  ])('cuts the line at %i columns', (columns, expected) => {
    const { progress, lines } = screen({ columns: columns + (columns === 29 ? 1 : 0) })
    progress.show(phase(5))
    expect(lines()).toEqual([expected])
  })

  it('counts wide characters as two columns and marks as none', () => {
    const { progress, lines } = screen({ columns: 17 })
    progress.show(phase(5, { phase: '検証e\u0301検証検証' }))
    expect(lines()).toEqual(['step 2, 検証e\u0301検…'])
  })

  it('lets nobody else move the cursor', () => {
    const { progress, written } = screen()
    progress.show({ type: 'note', text: 'a\u001b[2Jb\nc\u2028d' })
    expect(written()).toBe('ab c d\n')
  })
})

describe('elsewhere', () => {
  it.each([{ isTTY: false }, { isTerminal: false }, { stream: undefined }])('writes plain lines, seldom: %j', (how) => {
    let text = ''
    const noColor = { isTTY: true, columns: 10, hasColors: () => false, write: (piece: string) => void (text += piece) }
    const { progress, written, pass } = 'stream' in how ? screen({ stream: noColor }) : screen(how)
    for (let done = 0; done <= 100; done++) {
      progress.show(phase(done))
      pass(100)
    }
    progress.show({ type: 'metrics', step: 2, metrics: { reward: 1 } })
    progress.done()
    expect(text + written()).toBe(
      'step 2, validation: 0 of 100\nstep 2, validation: 50 of 100, 10/s, 5 s left\nstep 2, validation: 100 of 100, 10/s\nstep 2 done: reward 1\n',
    )
  })
})

it('refuses options that it does not know', () => {
  expect(() => createTerminalProgress({ stream: process.stderr, colour: true } as never)).toThrow(/colour/)
  expect(() => createTerminalProgress({ stream: {} as never })).toThrow(/process.stderr/)
})
