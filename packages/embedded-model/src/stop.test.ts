import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findStop, heldBack } from './stop.ts'

const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 }), { maxLength: 3 })
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })

it('findStop finds the first one', () => {
  expect(findStop('one two', ['two', 'ne'])).toBe(1)
  expect(findStop('one two', ['three'])).toBe(-1)
})

describe('heldBack', () => {
  it('holds back what may grow into a stop text and no more', () => {
    expect(heldBack('price E', ['END'])).toBe(1)
    expect(heldBack('price EN', ['END', 'N'])).toBe(2)
    expect(heldBack('price', ['END'])).toBe(0)
  })

  it('never lets out the beginning of a stop text', () => {
    fc.assert(
      fc.property(text, text, stops, (begun, rest, stops) => {
        fc.pre(findStop(begun, stops) < 0)
        const stopAt = findStop(begun + rest, stops)
        const shown = begun.length - heldBack(begun, stops)
        expect(stopAt < 0 || shown <= stopAt).toBe(true)
      }),
    )
  })
})
