import { childLogger } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { toLogLevels } from './flags.ts'
import { createLogger, type LogFormat } from './logger.ts'

function linesOf(
  format: LogFormat,
  isTerminal: boolean,
  say: (logger: ReturnType<typeof createLogger>) => void,
): readonly string[] {
  const lines: string[] = []
  say(createLogger('debug', (line) => lines.push(line), { format, isTerminal }))
  return lines
}

const forged = 'a\r\n2026-01-01 error forged\u2028x\u009b2J\u001b[2J'

describe.each(['pretty', 'json'] as const)('%s', (format) => {
  test('a name with a line break begins no line of its own, and steers no terminal', () => {
    const lines = linesOf(format, false, (logger) =>
      childLogger(logger, 'run\nner').warn('left out\nhere \u001b[31m', {
        rollout: forged,
        [forged]: 1,
        deep: { [forged]: [forged] },
      }),
    )
    expect(lines).toHaveLength(1)
    // oxlint-disable-next-line no-control-regex -- these are what is looked for
    expect(lines[0]!.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
    expect(lines[0]!.at(-1)).toBe('\n')
  })

  test('an error and a circle among the fields do not end the program', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const lines = linesOf(format, false, (logger) => logger.error('odd', { circle, big: 1n, error: new Error('no') }))
    expect(lines.join('')).toContain('odd')
  })
})

test('JSON tells what was said, component and all', () => {
  const [line] = linesOf('json', false, (logger) =>
    childLogger(logger, 'store.client').info('it is', { rollout: 'a\u2028b\n', count: 2 }),
  )
  expect(JSON.parse(line!)).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    component: 'store.client',
    rollout: 'a\u2028b\n',
    count: 2,
    message: 'it is',
  })
})

test('on a terminal it is a short line, in colours unless they are not wanted', () => {
  const say = (logger: ReturnType<typeof createLogger>): void => childLogger(logger, 'runner').warn('hooks fail', { hook: 'x' })
  expect(linesOf('pretty', false, say)[0]).toMatch(/^\[[\d:.]+\] WARN: runner: hooks fail \{"hook":"x"\}\n$/)
  expect(linesOf('pretty', true, say)[0]).toContain('\u001b[33mWARN')
})

test('levels by component', () => {
  expect(toLogLevels('warning, runner=debug,store.client = critical')).toEqual({
    level: 'warn',
    components: { runner: 'debug', 'store.client': 'error' },
  })
  expect(toLogLevels('runner=debug')).toEqual({ level: 'info', components: { runner: 'debug' } })
  for (const wrong of ['loud', 'info,warn', 'runner=loud', '=info', '']) expect(() => toLogLevels(wrong)).toThrow(/Expected one/)
})
