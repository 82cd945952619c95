import { expect, test } from 'vitest'
import { childLogger, levelLogger, type Logger, silentLogger } from './logger.ts'

function collect(): { readonly lines: unknown[]; readonly logger: Logger } {
  const lines: unknown[] = []
  const at = (level: string) => (message: string, fields?: object) => void lines.push([level, message, fields])
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}

test('a line tells the innermost component that speaks, and what is said of it', () => {
  const { lines, logger } = collect()
  const trainer = childLogger(logger, 'trainer')
  trainer.info('starts')
  childLogger(trainer, 'runner').warn('fails', { workerId: 'w' })
  expect(lines).toEqual([
    ['info', 'starts', { component: 'trainer' }],
    ['warn', 'fails', { component: 'runner', workerId: 'w' }],
  ])
})

test('console is a logger, and the silent one stays itself', () => {
  const console: Console = globalThis.console
  expect(childLogger(console, 'runner')).toHaveProperty('info')
  expect(childLogger(silentLogger, 'runner')).toBe(silentLogger)
})

test('each component has the level set for it, else that of what it is a part of, else the one of all', () => {
  const { lines, logger } = collect()
  const leveled = levelLogger(logger, {
    level: 'warn',
    components: { runner: 'debug', store: 'silent', 'store.client': 'error' },
  })
  const say = (): void => {
    for (const name of ['runner', 'store', 'store.client', 'store.server', 'trainer', 'constructor']) {
      const child = childLogger(leveled, name)
      child.debug(name)
      child.warn(name)
      child.error(name)
    }
    leveled.info('nobody')
  }
  say()
  const told = (): readonly string[] => lines.splice(0).map((line) => (line as [string, string]).slice(0, 2).join(' '))
  expect(told()).toEqual([
    'debug runner',
    'warn runner',
    'error runner',
    'error store.client',
    'warn trainer',
    'error trainer',
    'warn constructor',
    'error constructor',
  ])
  leveled.setLevels({ level: 'silent', components: { trainer: 'error' } })
  say()
  expect(told()).toEqual(['error trainer'])
})
