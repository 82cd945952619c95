import { describe, expect, it } from 'vitest'
import { AglError, errorCodes, errorMessage } from './errors.ts'

describe('errorMessage', () => {
  const hostile = new Error('x')
  Object.defineProperty(hostile, 'message', {
    get() {
      throw new Error('no')
    },
  })
  it.each([
    [new Error('plain'), 'plain'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [{ code: 7 }, '{"code":7}'],
    [Object.create(null), '{}'],
    [hostile, 'a value that has no text'],
    [Symbol('s'), 'Symbol(s)'],
  ])('makes a text of anything (case %#)', (thrown, text) => {
    expect(errorMessage(thrown)).toBe(text)
  })
})

describe('AglError', () => {
  it('takes whether it is retryable from the table, unless told otherwise', () => {
    expect(new AglError({ code: 'storage_full', message: 'full' }).isRetryable).toBe(true)
    expect(new AglError({ code: 'invalid_argument', message: 'bad' }).isRetryable).toBe(false)
    expect(new AglError({ code: 'invalid_argument', message: 'bad', isRetryable: true }).isRetryable).toBe(true)
    expect(new AglError({ code: 'my_plugin_code', message: 'x' }).isRetryable).toBe(false)
  })

  it('is recognized by its brand, also when it comes from another copy of the package', () => {
    const foreign = Object.create(null, { [Symbol.for('agl.error')]: { value: true }, code: { value: 'closed' } }) as unknown
    expect(AglError.isInstance(foreign)).toBe(true)
    expect(AglError.isInstance(foreign, 'closed')).toBe(true)
    expect(AglError.isInstance(foreign, 'timeout')).toBe(false)
    expect(AglError.isInstance(new Error('plain'))).toBe(false)
    expect(AglError.isInstance(null)).toBe(false)
  })

  it('keeps cause and data', () => {
    const cause = new Error('root')
    const error = new AglError({ code: 'internal', message: 'broken', cause, data: { id: 7 } })
    expect(error).toMatchObject({ name: 'AglError', cause, data: { id: 7 } })
  })

  it('maps every code to an HTTP error status', () => {
    for (const { status } of Object.values(errorCodes)) expect(status).toBeGreaterThanOrEqual(400)
  })
})
