import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRandom } from '@agl/algorithms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { handWrittenPrompt, seedPrompt } from './desk-prompts.ts'
import { type Fault, faultOf } from './english/critiques.ts'
import { rulesOf } from './english/rules.ts'
import { renderCritique, renderEdit } from './optimizer-templates.ts'
import { openPromptDesk, type PromptDesk } from './prompt-desk.ts'
import { loadPromptModel, promptModelFile } from './prompt-model.ts'
import { createTasks } from './tasks.ts'

/** What `pretrain:prompts` says of the file that it writes. */
const sha256 = '635a600b249f0e66165c939d931c596b9544070553c977d1c845f14b165287ea'

let desk: PromptDesk
beforeAll(async () => {
  desk = await openPromptDesk()
})
afterAll(async () => {
  await desk[Symbol.asyncDispose]()
})

/** What the model says to one text under twenty seeds. */
async function askTwenty(text: string): Promise<readonly string[]> {
  return await Promise.all(Array.from({ length: 20 }, (_, seed) => desk.ask(text, { seed, temperature: 0.7 })))
}

describe('the model that reads prompts', () => {
  it('is the file that the script made: under a million parameters, under 2 MB', async () => {
    const bytes = await readFile(promptModelFile)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
    expect(bytes.byteLength).toBeLessThan(2e6)
    const { name, weights } = await loadPromptModel()
    expect(name).toBe('shop-desk-prompts')
    expect(weights.length).toBeLessThan(1e6)
  })

  it('serves badly by the seed prompt and well by a good one, because it reads them', async () => {
    const tasks = createTasks(4242, 40)
    const [seed, handWritten] = await Promise.all([desk.score(seedPrompt, tasks, 1), desk.score(handWrittenPrompt, tasks, 1)])
    expect(seed).toBeLessThan(0.1)
    expect(handWritten).toBeGreaterThan(0.8)
  })

  it('is served by code that knows no rule and no wording', async () => {
    const seen = new Set<string>()
    const walk = async (file: URL): Promise<void> => {
      if (seen.has(file.href)) return
      seen.add(file.href)
      const source = await readFile(file, 'utf8')
      for (const [, path] of source.matchAll(/from '(\.[^']+)'/g)) await walk(new URL(path!, file))
    }
    await walk(new URL('index.ts', import.meta.url))
    expect([...seen].some((file) => file.endsWith('/prompted-clerk.ts'))).toBe(true)
    expect([...seen].filter((file) => file.includes('/english/'))).toEqual([])
  })

  it('gives the same for the same seed', async () => {
    const tasks = createTasks(7, 10)
    expect(await desk.serve(handWrittenPrompt, tasks, 3)).toEqual(await desk.serve(handWrittenPrompt, tasks, 3))
  })

  it('finds the fault of a failed case, most of the time', async () => {
    const text = renderCritique({
      prompt_template: 'you are a clerk at the desk of a shop. end with the word answer and the number.',
      experiments: [
        {
          input: null,
          status: 'succeeded',
          reward: 0,
          messages: [
            { role: 'system', content: 'not shown' },
            { role: 'user', content: 'how many of the lamp are left?' },
            { role: 'assistant', content: 'price(lamp)' },
            { role: 'user', content: 'result: 12' },
            { role: 'assistant', content: 'answer 12' },
          ],
          feedback: 'expected answer 31, got answer 12',
        },
      ],
    })
    expect(text).not.toContain('not shown')
    const faults = (await askTwenty(text)).map(faultOf)
    expect(faults.filter((fault): fault is Fault => fault != null).length).toBeGreaterThanOrEqual(16)
    expect(faults.filter((fault) => fault === 'stock').length).toBeGreaterThanOrEqual(12)
  })

  it('writes the rule that a critique misses into the prompt, often enough for a search', async () => {
    const before = 'you are a clerk at the desk of a shop. end with the word answer and the number.'
    const text = renderEdit({ prompt_template: before, critique: 'the stock tool was not called.' })
    const edited = (await askTwenty(text)).map((prompt) => prompt.split(/(?<=\.) /))
    const ruled = edited.filter((sentences) => sentences.some((sentence) => rulesOf(sentence)?.includes('stock')))
    expect(ruled.length).toBeGreaterThanOrEqual(4)
    const ofTheFragment = edited.flat().filter((sentence) => rulesOf(sentence) !== null)
    expect(ofTheFragment.length / edited.flat().length).toBeGreaterThan(0.7)
  })

  it('draws edits that differ, so that a search has something to choose from', async () => {
    const random = createRandom(5)
    const text = renderEdit({ prompt_template: seedPrompt, critique: 'the clerk made the number up.' })
    const edits = await Promise.all(Array.from({ length: 20 }, () => desk.ask(text, { seed: random.seed(), temperature: 1 })))
    expect(new Set(edits).size).toBeGreaterThan(5)
  })
})
