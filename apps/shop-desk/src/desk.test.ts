import { createRandom } from '@agl/algorithms'
import { describe, expect, it } from 'vitest'
import { playCarelessly } from './careless-clerk.ts'
import { playEpisode } from './episode.ts'
import { createTasks, type ShopTask } from './tasks.ts'
import { runTool } from './tools.ts'

/** What a careful clerk would do: the plan for each kind of question. */
function plan({ kind, about, numbers, prices }: ShopTask): readonly string[] {
  const [first, second] = about
  switch (kind) {
    case 'price':
      return [`price(${first})`]
    case 'stock':
      return [`stock(${first})`]
    case 'several':
      return [`price(${first})`, `calc(${numbers[0]}*${prices[first!]})`]
    case 'both':
      return [`price(${first})`, `price(${second})`, `calc(${prices[first!]}+${prices[second!]})`]
    case 'times':
      return [`calc(${numbers[0]}*${numbers[1]})`]
    default:
      return kind satisfies never
  }
}

describe('the shop desk', () => {
  const tasks = createTasks(5, 500)

  it('can be served: a careful clerk always earns the reward', async () => {
    for (const task of tasks) {
      const steps = plan(task)
      const { reward } = await playEpisode(task, (messages, turn) => {
        const last = messages.at(-1)!.content.replace('result: ', '')
        return steps[turn] ?? `answer ${last}`
      })
      expect([task.question, reward]).toEqual([task.question, 1])
    }
  })

  it('asks different questions for different seeds and the same for the same', () => {
    expect(createTasks(5, 3)).toEqual(tasks.slice(0, 3))
    expect(createTasks(6, 3)).not.toEqual(tasks.slice(0, 3))
  })

  it('cannot be learnt by heart: the best fixed answer per question text is right in under 1 of 4', () => {
    const [seen, fresh] = [createTasks(1, 3000), createTasks(2, 3000)].map((list) => list.filter(({ kind }) => kind !== 'times'))
    const answers = new Map(seen!.map(({ question, answer }) => [question, answer]))
    const right = fresh!.filter(({ question, answer }) => answers.get(question) === answer).length
    expect(right / fresh!.length).toBeLessThan(0.25)
  })

  it('rewards careless clerks about 3 times in 10', async () => {
    const random = createRandom(9)
    let total = 0
    for (let episode = 0; episode < 2000; episode += 1) total += (await playCarelessly(random)).reward
    expect(total / 2000).toBeGreaterThan(0.25)
    expect(total / 2000).toBeLessThan(0.4)
  })

  it('ends after six turns, or when the clerk falls silent', async () => {
    const { messages } = await playEpisode(tasks[0]!, () => 'price(pen)')
    expect(messages.filter(({ role }) => role === 'assistant')).toHaveLength(6)
    expect(await playEpisode(tasks[0]!, () => null)).toMatchObject({ reward: 0, messages: [{ role: 'user' }] })
  })
})

describe('tools', () => {
  const task: ShopTask = { ...createTasks(1, 1)[0]!, prices: { pen: 3 }, stock: { pen: 40 } }
  it.each([
    ['price(pen)', '3'],
    ['stock(pen)', '40'],
    ['calc(3*7)', '21'],
    ['calc(3+7)', '10'],
    ['price(boat)', 'error: no such item'],
    ['price(constructor)', 'error: no such item'],
    ['calc(3-7)', 'error: bad call'],
    ['hello', 'error: bad call'],
  ])('%s gives %s', (call, result) => {
    expect(runTool(task, call)).toBe(result)
  })
})
