import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { createDeadline, createScopes, pause } from './scopes.ts'
import { createTestClock } from './scripted-server.test-support.ts'

describe('the scope of a call', () => {
  test('ends with its signal or with all others, and leaves no listener', () => {
    const scopes = createScopes()
    const caller = new AbortController()
    const [aborted, closed, ended] = [scopes.open(caller.signal), scopes.open(), scopes.open(caller.signal)]
    ended.end()
    caller.abort(new Error('enough'))
    scopes.close(new Error('closed'))
    expect(aborted.signal.reason).toMatchObject({ message: 'enough' })
    expect(closed.signal.reason).toMatchObject({ message: 'closed' })
    expect(ended.signal.aborted).toBe(false)
    expect(scopes.open().signal.reason).toMatchObject({ message: 'closed' })
    aborted.end()
    expect(getEventListeners(caller.signal, 'abort')).toEqual([])
  })

  test('a deadline ends by time or by its signal, can be moved, and leaves nothing', () => {
    const clock = createTestClock(0)
    const { signal } = new AbortController()
    const deadline = createDeadline(clock, 100, signal)
    const [before] = clock.deadlines.keys()
    deadline.extend()
    expect([...clock.deadlines.values()]).toEqual([100])
    expect([...clock.deadlines.keys()]).not.toEqual([before])
    clock.expire()
    expect([deadline.isOver, deadline.signal.aborted]).toEqual([true, true])
    deadline.end()
    const other = createDeadline(clock, 100, signal)
    other.end()
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(clock.deadlines.size).toBe(0)
    expect(createDeadline(clock, 100, AbortSignal.abort(new Error('enough'))).signal.reason).toMatchObject({ message: 'enough' })
  })

  test('a pause ends by time or by its signal, and leaves nothing', async () => {
    const clock = createTestClock(0)
    const controller = new AbortController()
    const passed = pause(clock, 100, controller.signal)
    clock.expire()
    await passed
    const aborted = pause(clock, 100, controller.signal)
    controller.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    await expect(pause(clock, 100, controller.signal)).rejects.toThrow('enough')
    expect(clock.deadlines.size).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })
})
