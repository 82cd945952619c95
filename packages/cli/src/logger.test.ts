import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'

test('a name with a line break begins no line of its own', () => {
  const lines: string[] = []
  createLogger('info', (line) => lines.push(line)).warn('left out\nhere', {
    rollout: 'a\r\n2026-01-01 error forged\u2028x',
    count: 2,
  })
  expect(lines).toHaveLength(1)
  expect(lines[0]!.slice(25)).toBe('warn  left out\\u000ahere rollout=a\\u000d\\u000a2026-01-01 error forged\\u2028x count=2\n')
})
