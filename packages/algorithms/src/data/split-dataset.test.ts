import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findSharedTasks, splitDataset } from './split-dataset.ts'

const tasks = Array.from({ length: 10 }, (_, id) => ({ id }))
const thirds = { train: 0.6, val: 0.2, test: 0.2 }

describe('splitDataset', () => {
  it('deals every task out once, in sizes that are exact, in the order of the dataset', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(weights, fc.integer({ min: 0, max: 120 }), fc.integer(), (weights, extra, seed) => {
        const sum = weights.reduce((total, weight) => total + weight, 0)
        // Enough for the smallest share to be a task.
        const dataset = Array.from({ length: sum + extra }, (_, id) => ({ id }))
        const fractions = Object.fromEntries(weights.map((weight, index) => [`split${index}`, weight / sum]))
        const splits = Object.values(splitDataset(dataset, fractions, { seed }))
        expect(splits.flat().toSorted((a, b) => a.id - b.id)).toEqual(dataset)
        for (const [index, split] of splits.entries()) {
          expect(Math.abs(split.length - (weights[index]! / sum) * dataset.length)).toBeLessThan(1)
          expect(split).toEqual(split.toSorted((a, b) => a.id - b.id))
        }
      }),
    )
    const { train, val, test } = splitDataset(tasks, thirds)
    expect([train, val, test].map(({ length }) => length)).toEqual([6, 2, 2])
  })

  it('is the same for the same seed, and another for another', () => {
    expect(splitDataset(tasks, thirds, { seed: 1 })).toEqual(splitDataset(tasks, thirds, { seed: 1 }))
    const tests = Array.from({ length: 20 }, (_, seed) => JSON.stringify(splitDataset(tasks, thirds, { seed }).test))
    expect(new Set(tests).size).toBeGreaterThan(10)
  })

  it('keeps groups together, as near to the sizes as they let it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 30, maxLength: 90 }), fc.integer(), (users, seed) => {
        fc.pre(new Set(users).size >= 10)
        const dataset = users.map((user, id) => ({ id, user }))
        const { train, test } = splitDataset(dataset, { train: 0.5, test: 0.5 }, { seed, by: ({ user }) => user })
        const trained = new Set(train.map(({ user }) => user))
        expect(test.filter(({ user }) => trained.has(user))).toEqual([])
        expect(train.length + test.length).toBe(users.length)
        const largest = Math.max(
          ...[...trained, ...test.map(({ user }) => user)].map((user) => users.filter((one) => one === user).length),
        )
        expect(Math.abs(train.length - test.length)).toBeLessThanOrEqual(largest + 1)
      }),
    )
  })

  it('fills up with small groups what a large one leaves', () => {
    const dataset = Array.from({ length: 10 }, (_, id) => ({ id, user: Math.max(id, 4) }))
    for (let seed = 0; seed < 20; seed += 1) {
      const { train, test } = splitDataset(dataset, { train: 0.5, test: 0.5 }, { seed, by: ({ user }) => user })
      expect([train.length, test.length]).toEqual([5, 5])
    }
  })

  it('keeps equal tasks together, whatever the order of their keys', () => {
    const twins = tasks.flatMap(({ id }) => [
      { id, text: 'x' },
      { text: 'x', id },
    ])
    for (let seed = 0; seed < 20; seed += 1) expect(findSharedTasks(splitDataset(twins, thirds, { seed }))).toEqual([])
  })

  it('says when a split would be empty', () => {
    expect(() => splitDataset(tasks.slice(0, 3), thirds)).toThrow(
      'Not enough for 3 splits: test would be empty. There are 3 tasks in 3 groups',
    )
    expect(() => splitDataset(tasks, thirds, { by: ({ id }) => id % 2 })).toThrow(
      /would be empty. There are 10 tasks in 2 groups/,
    )
    expect(() => splitDataset([], { train: 1 })).toThrow('train would be empty')
  })

  it.each([
    [{ train: 0.6, test: 0.2 }, {}, /must add up to 1; .* add up to 0\.8/],
    [{ train: 1, test: 0 }, {}, /above 0/],
    [
      { train: 0.5, test: 0.5 },
      { by: () => undefined },
      /`by` has to give a text or a number for every task; for task 0 it gave undefined/,
    ],
    [{ train: 0.5, test: 0.5 }, { seed: 0.5 }, /seed/],
    [{ train: 0.5, test: 0.5 }, { group: 'id' }, /group/],
  ])('refuses %j %j', (fractions, options, words) => {
    expect(() => splitDataset(tasks, fractions as never, options as never)).toThrow(words)
  })

  it('refuses groups that put equal tasks into different splits', () => {
    const equal = Array.from({ length: 8 }, () => ({ id: 1 }))
    expect(() => splitDataset(equal, { train: 0.5, test: 0.5 }, { by: (_task, index) => index })).toThrow(
      '`by` gives equal tasks different keys, so that they are in train and test: {"id":1}.',
    )
  })
})

describe('findSharedTasks', () => {
  it('finds what several splits hold', () => {
    const train = [
      { id: 1, text: 'a' },
      { id: 2, text: 'b' },
      { id: 2, text: 'b' },
    ]
    const shared = findSharedTasks({ train, val: [{ id: 3, text: 'c' }], test: [{ text: 'b', id: 2 }] })
    expect(shared).toEqual([{ task: { id: 2, text: 'b' }, splits: ['train', 'test'], count: 3 }])
  })
})
