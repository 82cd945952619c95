import { type LogFields, type Logger, silentLogger } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { isLoopback } from '../../wire/loopback.ts'
import { checkExposure } from './exposure.ts'

function warnings(run: (logger: Logger) => void): readonly string[] {
  const lines: string[] = []
  run({ ...silentLogger, warn: (message: string, _fields?: LogFields) => void lines.push(message) })
  return lines
}

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.255.3.4', 'localhost', 'LocalHost', '::1', '[::1]', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'])(
    'is true of %s',
    (host) => expect(isLoopback(host)).toBe(true),
  )
  it.each([
    '0.0.0.0',
    '::',
    '[::]',
    '',
    '10.0.0.1',
    '128.0.0.1',
    '::ffff:10.0.0.1',
    '127.0.0.1.example.com',
    'localhost.example.com',
    'example.com',
  ])('is false of "%s"', (host) => expect(isLoopback(host)).toBe(false))
})

describe('checkExposure', () => {
  it('is content with tokens, wherever the server listens', () => {
    expect(warnings((logger) => checkExposure({ host: '0.0.0.0', hasTokens: true, logger }))).toEqual([])
  })

  it('warns of a server without tokens on this machine', () => {
    const lines = warnings((logger) => checkExposure({ host: '127.0.0.1', hasTokens: false, logger }))
    expect(lines).toEqual([expect.stringContaining('No token is configured')])
  })

  it('refuses a server without tokens that others can reach, and says what to do', () => {
    const check = (): void => checkExposure({ host: '0.0.0.0', hasTokens: false })
    expect(check).toThrow(expect.objectContaining({ code: 'invalid_argument', data: { host: '0.0.0.0' } }))
    for (const help of ['"0.0.0.0"', 'openssl rand -hex 24', 'tokenFile', '127.0.0.1', 'allowUnauthenticated: true']) {
      expect(check).toThrow(help)
    }
  })

  it('allows that on demand, with a warning', () => {
    const open = { host: '0.0.0.0', hasTokens: false, allowUnauthenticated: true }
    expect(warnings((logger) => checkExposure({ ...open, logger }))).toEqual([expect.stringContaining('not loopback')])
  })
})
