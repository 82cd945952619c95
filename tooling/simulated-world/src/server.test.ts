import { afterEach, expect, it } from 'vitest'
import { createModels, createWorld, type ModelOptions, placeholder, startWorldServer, type WorldServer } from './index.ts'

const world = createWorld({ seed: 4 })
const open: WorldServer[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()))
})

async function start(options: ModelOptions = {}): Promise<(body: unknown) => Promise<Response>> {
  const server = await startWorldServer(createModels(world, options))
  open.push(server)
  return (body) => fetch(`${server.baseUrl}/chat/completions`, { method: 'POST', body: JSON.stringify(body) })
}

async function contentOf(response: Response): Promise<string> {
  const body = (await response.json()) as { readonly choices: readonly [{ readonly message: { readonly content: string } }] }
  return body.choices[0].message.content
}

it('answers over HTTP, all at once, what the models answer in process', async () => {
  const post = await start()
  const models = createModels(world)
  const texts = world.tasks(50).map((task) => world.seedPrompt.replace(placeholder, task.text))
  const answers = await Promise.all(
    texts.map(async (content) =>
      contentOf(await post({ model: 'actor', messages: [{ role: 'user', content }], temperature: 0 })),
    ),
  )
  expect(answers).toEqual(texts.map((text) => models.call({ model: 'actor', text }).text))
})

it('reads a conversation as one text, parts and all, and passes the seed on', async () => {
  const post = await start()
  const [instructions, rest] = world.seedPrompt.split('\n\n') as [string, string]
  const task = world.tasks(1)[0]!
  const messages = [
    { role: 'system', content: instructions },
    { role: 'user', content: [{ type: 'text', text: rest.replace(placeholder, task.text) }] },
  ]
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const text = world.seedPrompt.replace(placeholder, task.text)
    const expected = createModels(world).call({ model: 'actor', text, seed }).text
    expect(await contentOf(await post({ model: 'actor', messages, seed }))).toBe(expected)
  }
})

it('takes the time that it says', async () => {
  const options: ModelOptions = { latencyMs: { actor: 60 } }
  const post = await start(options)
  const content = world.seedPrompt.replace(placeholder, world.tasks(1)[0]!.text)
  const { latencyMs } = createModels(world, options).call({ model: 'actor', text: content })
  const began = performance.now()
  await post({ model: 'actor', messages: [{ role: 'user', content }] })
  // Timers of Node count whole milliseconds.
  expect(performance.now() - began).toBeGreaterThan(latencyMs - 2)
})

it('refuses with the statuses of an overloaded service', async () => {
  const post = await start({ failureRate: 0.5 })
  const statuses = await Promise.all(
    world.tasks(100).map(async ({ text }) => {
      const response = await post({ model: 'actor', messages: [{ role: 'user', content: text }] })
      await response.arrayBuffer()
      return response.status
    }),
  )
  expect(new Set(statuses)).toEqual(new Set([200, 429, 500]))
})

it('says what is wrong with a request', async () => {
  const post = await start()
  const response = await post({ model: 'gpt', messages: [{ role: 'user', content: 'Hello' }] })
  expect(response.status).toBe(400)
  expect(await response.text()).toMatch(/actor.*critic.*editor/)
  const elsewhere = await fetch(`${open[0]!.baseUrl}/models`)
  expect(elsewhere.status).toBe(404)
  expect(await elsewhere.text()).toContain('chat/completions')
})
