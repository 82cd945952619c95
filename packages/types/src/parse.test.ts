import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { AglError } from './errors.ts'
import { describeValue, hideCredentials, implementing, parseOptions } from './parse.ts'

interface Greeter {
  greet(): string
}
const schema = z.strictObject({
  count: z.int().min(1).optional(),
  greeter: implementing<Greeter>('a greeter', 'greet').optional(),
})
const parse = (options: { count?: number | undefined; greeter?: Greeter; conut?: number }) =>
  parseOptions(schema, options, { count: 3 }, 'options of demo')

describe('parseOptions', () => {
  it('fills in defaults, also for undefined, and keeps instances as they are', () => {
    const greeter = { greet: () => 'hi' }
    expect(parse({})).toEqual({ count: 3 })
    expect(parse({ count: undefined })).toEqual({ count: 3 })
    expect(parse({ count: 5, greeter })).toEqual({ count: 5, greeter })
    expect(parse({ greeter }).greeter).toBe(greeter)
  })

  it.each([
    [{ count: 0 }, /count/],
    [{ conut: 1 }, /conut/],
    [{ greeter: {} as Greeter }, /expected a greeter/],
  ])('refuses %j and says what is wrong', (options, text) => {
    const refused = (): unknown => parse(options)
    expect(refused).toThrow(AglError)
    expect(refused).toThrow(/Invalid options of demo/)
    expect(refused).toThrow(text)
  })
})

describe('describeValue', () => {
  it('tells no secret: not what has such a name, and no password of a URL', () => {
    expect(describeValue('sk-1', 'api_key')).toBe('a text of 4 characters')
    expect(describeValue('redis://me:p@ss/word@host:1/0')).toBe('"redis://…@host:1/0"')
    expect(describeValue(`http://me:${'x'.repeat(100)}@host`)).toBe('"http://…@host"')
    expect(describeValue('me@host')).toBe('"me@host"')
  })

  it('takes no time for long texts', () => {
    for (const text of ['a'.repeat(2 ** 20), '://'.repeat(2 ** 18), `@${'://'.repeat(2 ** 18)}`]) {
      const started = performance.now()
      expect(hideCredentials(text)).toBe(text)
      expect(performance.now() - started).toBeLessThan(1000)
    }
  })
})
