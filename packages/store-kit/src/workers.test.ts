import type { Attempt } from '@agl/types'
import { expect, test } from 'vitest'
import { createRunningAttempts } from './workers.ts'

const attempt = (id: string): Attempt => ({ attempt_id: id, status: 'running' }) as Attempt

test('running attempts: the one got last that is still running', () => {
  const running = createRunningAttempts()
  for (const id of ['a', 'b', 'c', 'a']) running.add(attempt(id))
  expect(running.last()?.attempt_id).toBe('a')
  running.remove('a')
  expect(running.last()?.attempt_id).toBe('c')
  for (let round = 0; round < 1000; round++) {
    running.add(attempt('x'))
    running.remove('x')
  }
  running.add(attempt('b'))
  expect(running.last()?.attempt_id).toBe('b')
  expect(running.size).toBe(2)
  running.remove('b')
  running.remove('c')
  expect(running.last()).toBeNull()
})
