import { expect, test } from 'vitest'
import { createIds, seededRandom } from './ids.ts'

test('ids have their prefixes, lengths and alphabet, and do not repeat', () => {
  const ids = createIds()
  const made = Array.from({ length: 2000 }, () => [ids.rolloutId(), ids.attemptId(), ids.resourcesId()])
  for (const [rollout, attempt, resources] of made) {
    expect(rollout).toMatch(/^ro-[0-9a-z]{16}$/)
    expect(attempt).toMatch(/^at-[0-9a-z]{16}$/)
    expect(resources).toMatch(/^rs-[0-9a-z]{12}$/)
  }
  expect(new Set(made.flat()).size).toBe(6000)
})

test('every character is as likely as any other', () => {
  const ids = createIds({ random: seededRandom(3) })
  const counts = new Map<string, number>()
  for (let made = 0; made < 10_000; made++) {
    for (const character of ids.rolloutId().slice(3)) counts.set(character, (counts.get(character) ?? 0) + 1)
  }
  expect(counts.size).toBe(36)
  const expected = 160_000 / 36
  for (const count of counts.values()) expect(Math.abs(count - expected) / expected).toBeLessThan(0.08)
})

test('a seed repeats', () => {
  const make = (seed: number): string => createIds({ random: seededRandom(seed) }).attemptId()
  expect(make(1)).toBe(make(1))
  expect(make(1)).not.toBe(make(2))
})
