import { describe, expect, it } from 'vitest'
import { objectToAttributes, readMessage, readObject } from './objects.ts'

describe('objects', () => {
  it.each([
    ['text', 'str', 'text'],
    [3, 'int', '3'],
    [0.5, 'float', '0.5'],
    [true, 'bool', 'True'],
    [Number.NEGATIVE_INFINITY, 'float', '-inf'],
    [2n ** 60n, 'int', '1152921504606846976'],
    [new Uint8Array([0, 255]), 'bytes', 'AP8='],
  ])('writes %s as Python does and reads it back', (value, type, literal) => {
    const attributes = objectToAttributes(value)
    expect(attributes).toEqual({ 'agentlightning.object.type': type, 'agentlightning.object.literal': literal })
    expect(readObject({ attributes })).toEqual(value)
  })

  it.each([
    [{ a: [1, null] }, 'dict'],
    [[1, 'x'], 'list'],
    [null, 'NoneType'],
  ])('writes %j as JSON', (value, type) => {
    const attributes = objectToAttributes(value)
    expect(attributes['agentlightning.object.type']).toBe(type)
    expect(readObject({ attributes })).toEqual(value)
  })

  it('refuses what JSON cannot hold', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    for (const value of [undefined, () => 1, cycle]) expect(() => objectToAttributes(value)).toThrow(/An object span holds/)
  })

  it('gives text that cannot be decoded as it is', () => {
    expect(readObject({ attributes: { 'agentlightning.object.json': '{broken' } })).toBe('{broken')
    expect(readObject({ attributes: { 'agentlightning.object.type': 'complex', 'agentlightning.object.literal': '1j' } })).toBe(
      '1j',
    )
    expect(readObject({ attributes: {} })).toBeUndefined()
  })

  it('holds many bytes', () => {
    const bytes = new Uint8Array(200_000).fill(7)
    expect(readObject({ attributes: objectToAttributes(bytes) })).toEqual(bytes)
  })
})

it('readMessage reads text only', () => {
  expect(readMessage({ attributes: { 'agentlightning.message.body': 'hello' } })).toBe('hello')
  expect(readMessage({ attributes: { 'agentlightning.message.body': 3 } })).toBeNull()
})
