import { describe, expect, test } from 'vitest'
import type { Suite } from './harness.ts'
import { requirementOf, requirements } from './requirements.ts'
import { topics } from './topics.ts'

/** The ids of all tests that the suite would register, without running any. */
function testedIds(): readonly string[] {
  const ids: string[] = []
  const recorder: Suite = {
    check: (id) => void ids.push(id),
    open: () => Promise.reject(new Error('nothing is run here')),
    has: () => false,
  }
  for (const [, describeTopic] of topics) describeTopic(recorder)
  return ids
}

describe('requirements', () => {
  const listed = requirements.map((requirement) => requirement.id)

  test('each one that is listed is tested, and each one that is tested is listed', () => {
    expect([...new Set(testedIds())].toSorted()).toEqual(listed.toSorted())
  })

  test('ids are unique, and each has a sentence and a source', () => {
    expect(new Set(listed).size).toBe(listed.length)
    for (const { id, text, source } of requirements) {
      expect(id).toMatch(/^[A-Z]+(-[A-Z]+)?-\d\d$/)
      expect(text).toMatch(/^[A-Z0-9`].*\.$/)
      expect(source).toMatch(/./)
    }
  })

  test('a test of an id that is not listed is an error', () => {
    expect(() => requirementOf('NEVER-01')).toThrow('NEVER-01 is not listed')
  })
})
