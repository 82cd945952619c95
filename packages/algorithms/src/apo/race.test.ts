import { expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { costOfRace, race } from './race.ts'

it('lets nobody fall out by fewer tasks than all have been run on already', async () => {
  // Unlucky on the first four.
  const better = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
  const worse = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
  const sizes: number[] = []
  const run = async (index: number, tasks: number) => {
    sizes.push(tasks)
    return [better, worse, worse, worse][index]!.slice(0, tasks)
  }
  const options = { candidates: 4, keep: 1, tasks: 12, run }
  expect((await race(options))[0]!.index).not.toBe(0)
  expect(Math.min(...sizes)).toBe(4)
  sizes.length = 0
  expect((await race({ ...options, first: 10 }))[0]).toEqual({ index: 0, mean: 8 / 12, tasks: 12 })
  expect(Math.min(...sizes)).toBe(10)
})

it('takes no more rollouts than planned, also where some candidates or tasks have been run already', async () => {
  const random = createRandom(3)
  let exact = 0
  for (let turn = 0; turn < 300; turn += 1) {
    const candidates = 1 + random.below(12)
    const free = random.below(candidates + 1)
    const tasks = 1 + random.below(30)
    const options = { candidates, keep: 1 + random.below(4), tasks, first: random.below(tasks + 1) }
    const done = Array.from({ length: candidates }, (_, index) => (index < free ? tasks : options.first))
    const before = done.reduce((sum, each) => sum + each, 0)
    await race({
      ...options,
      run: async (index, size) => {
        done[index] = Math.max(done[index]!, size)
        return Array.from({ length: size }, () => random.below(2))
      },
    })
    const cost = done.reduce((sum, each) => sum + each, 0) - before
    const planned = costOfRace({ ...options, free })
    expect(cost).toBeLessThanOrEqual(planned)
    if (cost === planned && cost > 0) exact += 1
  }
  // The bound is one that is reached.
  expect(exact).toBeGreaterThan(50)
})
