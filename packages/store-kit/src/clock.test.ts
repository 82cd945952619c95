import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { systemClock } from './clock.ts'
import { createManualClock } from './testing/index.ts'

describe('systemClock', () => {
  test('grows strictly and stays near the system clock', () => {
    const clock = systemClock()
    let last = 0
    for (let reading = 0; reading < 50_000; reading++) {
      const now = clock.now()
      expect(now > last).toBe(true)
      last = now
    }
    expect(Math.abs(last - Date.now() / 1000)).toBeLessThan(0.1)
  })

  test('does not pass the present millisecond', () => {
    vi.useFakeTimers({ now: 1_800_000_000_123, toFake: ['Date'] })
    const clock = systemClock()
    for (let reading = 0; reading < 100; reading++) expect(Math.floor(clock.now() * 1000)).toBe(1_800_000_000_123)
    vi.useRealTimers()
  })

  test('sets timers further away than setTimeout can', () => {
    vi.useFakeTimers({ now: 1_800_000_000_000 })
    const clock = systemClock()
    const callback = vi.fn<() => void>()
    const day = 24 * 3_600_000
    clock.schedule(1_800_000_000 + (60 * day) / 1000, callback)
    const cancel = clock.schedule(1_800_000_001, callback)
    cancel()
    vi.advanceTimersByTime(59 * day)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(day)
    expect(callback).toHaveBeenCalledTimes(1)
    vi.useRealTimers()
  })
})

describe('createManualClock', () => {
  test('stands still but for strict growth, and fires what falls due in order', () => {
    const clock = createManualClock(100)
    const fired: [string, number][] = []
    clock.schedule(103, () => fired.push(['late', clock.now()]))
    clock.schedule(101, () => {
      fired.push(['early', clock.now()])
      clock.schedule(102, () => fired.push(['nested', clock.now()]))
    })
    clock.schedule(200, () => fired.push(['never', 0]))
    expect(clock.now()).toBeGreaterThan(100)
    expect(clock.now()).toBeLessThan(100.001)
    clock.advance(5000)
    expect(fired.map(([name, at]) => [name, Math.floor(at)])).toEqual([
      ['early', 101],
      ['nested', 102],
      ['late', 103],
    ])
    expect(clock.now()).toBeGreaterThan(105)
    expect(clock.pendingTimers()).toBe(1)
  })
})

describe('waiting', () => {
  test('keeps the process alive, however the wait ends, and scheduling does not', async () => {
    const run = async (body: string): Promise<string> => {
      const code = `import { systemClock } from '@agl/store-kit'\nconst clock = systemClock()\n${body}`
      const args = ['--conditions=@agl/source', '--input-type=module', '--eval', code]
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname, timeout: 10_000 })
      return stdout.trim()
    }
    expect(await run("clock.wait(50, () => console.log('waited'))")).toBe('waited')
    expect(await run("clock.schedule(clock.now() + 0.05, () => console.log('fired'))")).toBe('')
    expect(
      await run("const cancel = clock.wait(Infinity, () => {}); setTimeout(() => { cancel(); console.log('done') }, 50)"),
    ).toBe('done')
  })

  test('is not stretched when the system clock is set back', async () => {
    const present = Date.now()
    const spy = vi.spyOn(Date, 'now').mockImplementation(() => present)
    const done = vi.fn<() => void>()
    systemClock().wait(30, done)
    spy.mockImplementation(() => present - 3_600_000)
    await vi.waitFor(() => expect(done).toHaveBeenCalled())
  })
})
