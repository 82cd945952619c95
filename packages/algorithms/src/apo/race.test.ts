import { expect, it } from 'vitest'
import { race } from './race.ts'

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
