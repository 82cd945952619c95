import { describe, expect, it } from 'vitest'
import { draw, drawOrder } from './draw.ts'
import { createModels, createWorld, type ModelCall, noTask, placeholder, rewardOf, type Task } from './index.ts'

const world = createWorld({ seed: 11 })
const render = (prompt: string, task: Task): string => prompt.replace(placeholder, task.text)
const actorCall = (task: Task, seed?: number): ModelCall => ({
  model: 'actor',
  text: render(world.seedPrompt, task),
  ...(seed !== undefined && { seed }),
})

/** A right and a wrong reply to a task. */
const rightReply = ({ id, answer }: Task): string => `Answer for ${id}: ${answer}.`
const wrongReply = ({ id }: Task): string => `Answer for ${id}: ZZZZ.`

/** Requests to the critic about the same prompt and the same replies, in the notations that templates come in. */
function critiqueRequests(prompt: string, runs: readonly { readonly task: Task; readonly reply: string }[]): readonly string[] {
  const conversations = runs.map(({ task, reply }) => [
    { role: 'user', content: render(prompt, task) },
    { role: 'assistant', content: reply },
  ])
  const asMessages = conversations.map((messages) => JSON.stringify([{ messages, tools: null }])).join('\n\n## Experiment\n\n')
  const asSpans = conversations
    .map(([asked, said]) =>
      JSON.stringify({ attributes: { 'gen_ai.prompt.0.content': asked!.content, 'gen_ai.completion.0.content': said!.content } }),
    )
    .join('\n')
  const asText = conversations
    .map((messages) =>
      messages.map(({ role, content }) => `<${role}>\n  ${content.replaceAll('\n', '\n  ')}\n</${role}>`).join('\n'),
    )
    .join('\n\n')
  return [asMessages, asSpans, asText].map(
    (runs) => `Improve this prompt.\n\n# Prompt\n\n${prompt}\n\n# Runs\n\n${runs}\n\nBe brief.`,
  )
}

function editRequest(prompt: string, critique: string): string {
  return `Revise the prompt, keep what stands in curly brackets.\n\n### PROMPT\n\n${prompt}\n\n### CRITIQUE\n\n${critique}`
}

describe('replies', () => {
  const tasks = world.tasks(40)
  // Each task three times without a seed, twice with seeds.
  const calls = tasks.flatMap((task) => [
    actorCall(task),
    actorCall(task),
    actorCall(task),
    actorCall(task, 1),
    actorCall(task, 2),
  ])
  const answer = (order: readonly ModelCall[]): readonly string[] => {
    const models = createModels(world)
    return order.map((call) => `${call.text} ${call.seed} ${models.call(call).text}`).sort()
  }

  it('do not depend on the order of the calls', () => {
    const inOrder = answer(calls)
    for (const number of [1, 2, 3]) expect(answer(drawOrder(calls, 'order', number))).toEqual(inOrder)
  })

  it('are the same for the same seed and draws of their own otherwise', () => {
    const models = createModels(world)
    const rewards = (seed?: number): readonly number[] =>
      tasks.map((task) => rewardOf(task, models.call(actorCall(task, seed)).text))
    expect(rewards(5)).toEqual(rewards(5))
    expect(rewards(6)).not.toEqual(rewards(5))
    expect(rewards()).not.toEqual(rewards())
  })
})

describe('latency', () => {
  it('has the median and the spread that were asked for, and is repeatable', () => {
    const options = { latencyMs: { actor: 1000, critic: 2000 }, latencySpread: 0.4 }
    const measure = (model: 'actor' | 'critic' | 'editor'): readonly number[] => {
      const models = createModels(world, options)
      return world.tasks(2000).map((task) => models.call({ ...actorCall(task), model }).latencyMs)
    }
    const actor = measure('actor').toSorted((left, right) => left - right)
    expect(actor[1000]! / 1000).toBeCloseTo(1, 1)
    // One standard deviation below and above, of the logarithm.
    expect(Math.log(actor[317]! / 1000)).toBeCloseTo(-0.4, 1)
    expect(Math.log(actor[1683]! / 1000)).toBeCloseTo(0.4, 1)
    expect(measure('actor')).toEqual(measure('actor'))
    expect(new Set(measure('editor'))).toEqual(new Set([0]))
  })
})

describe('refusals', () => {
  it('come as often as asked for, half with each status, and change no reply', () => {
    const [calm, failing] = [createModels(world), createModels(world, { failureRate: 0.2 })]
    const statuses: number[] = []
    for (const task of world.tasks(2000)) {
      let reply = failing.call(actorCall(task))
      while (reply.failure !== null) {
        statuses.push(reply.failure)
        reply = failing.call(actorCall(task))
      }
      expect(reply.text).toBe(calm.call(actorCall(task)).text)
    }
    // 2000 · 0.2 / 0.8 = 500, give or take four standard deviations.
    expect(Math.abs(statuses.length - 500)).toBeLessThan(4 * 25)
    expect(Math.abs(statuses.filter((status) => status === 429).length / statuses.length - 0.5)).toBeLessThan(0.1)
    expect(failing.use()).toEqual({ answered: { actor: 2000, critic: 0, editor: 0 }, refused: statuses.length })
  })
})

describe('the critic', () => {
  const knowing = createWorld({ seed: 11, criticError: 0, editorError: 0 })
  const tasks = world.tasks(12)
  const failedKind = tasks[0]!.kind
  const runs = tasks.map((task) => ({ task, reply: task.kind === failedKind ? wrongReply(task) : rightReply(task) }))
  const helpfulFor = (kind: string): readonly string[] =>
    knowing.rules
      .filter(({ role, kindNames }) => role === 'helpful' && kindNames.includes(kind))
      .flatMap(({ wordings }) => wordings.map(({ sentence }) => sentence))

  it('reads every notation alike', () => {
    const replies = critiqueRequests(world.seedPrompt, runs).map(
      (text) => createModels(world).call({ model: 'critic', text, seed: 3 }).text,
    )
    expect(new Set(replies).size).toBe(1)
  })

  it('names what the failed runs were missing or what did them harm', () => {
    const [text] = critiqueRequests(world.seedPrompt, runs)
    const models = createModels(knowing)
    const said = Array.from({ length: 200 }, () => models.call({ model: 'critic', text: text! }).text)
    const allowed = [
      ...helpfulFor(failedKind),
      ...knowing.rules
        .filter(({ role }) => role === 'harmful')
        .flatMap(({ wordings }) => wordings.map(({ sentence }) => sentence)),
    ]
    for (const critique of said) expect(allowed.some((sentence) => critique.includes(sentence))).toBe(true)
    expect(new Set(said).size).toBeGreaterThan(3)
  })

  it('takes tasks without replies for failures', () => {
    const text = `# Prompt\n\n${knowing.seedPrompt}\n\n${tasks
      .filter(({ kind }) => kind === failedKind)
      .map((task) => `${task.text} Reward: 0`)
      .join('\n')}`
    const models = createModels(createWorld({ seed: 11, criticError: 0, harmful: 1 }))
    const said = Array.from({ length: 50 }, () => models.call({ model: 'critic', text }).text)
    expect(
      said.some((critique) => helpfulFor(failedKind).some((sentence) => critique.includes(`lacks a rule: ${sentence}`))),
    ).toBe(true)
  })

  it('errs as often as asked for', () => {
    const [text] = critiqueRequests(world.seedPrompt, runs)
    const models = createModels(createWorld({ seed: 11, criticError: 0.3 }))
    const worth = (critique: string): number => {
      const edited = createModels(knowing).call({ model: 'editor', text: editRequest(knowing.seedPrompt, critique) }).text
      return knowing.trueScore(edited) - knowing.trueScore(knowing.seedPrompt)
    }
    const useless = Array.from({ length: 1000 }, () => worth(models.call({ model: 'critic', text: text! }).text)).filter(
      (gain) => gain <= 0,
    )
    expect(Math.abs(useless.length / 1000 - 0.3)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / 1000))
  })
})

describe('the editor', () => {
  const careful = createModels(createWorld({ seed: 11, criticError: 0, editorError: 0 }))
  const edit = (prompt: string, critique: string): string =>
    careful.call({ model: 'editor', text: editRequest(prompt, critique) }).text
  const { rules, seedPrompt } = careful.world

  it('adds, removes and rewords what the critique names, and leaves the rest', () => {
    const missing = rules.find(
      ({ role, wordings }) => role === 'helpful' && !wordings.some(({ sentence }) => seedPrompt.includes(sentence)),
    )!
    const added = edit(seedPrompt, `- It lacks a rule: ${missing.wordings[1]!.sentence}`)
    expect(added).toBe(seedPrompt.replace(`\n\n${placeholder}`, `\n${missing.wordings[1]!.sentence}\n\n${placeholder}`))
    const { sentence: weak } = missing.wordings[1]!
    const { sentence: strong } = missing.wordings[0]!
    expect(edit(added, `This rule is put too weakly: ${weak} Say instead: ${strong}`)).toBe(added.replace(weak, strong))
    expect(edit(added, `This rule does harm, take it out: ${weak}`)).toBe(seedPrompt)
  })

  it('puts a lost placeholder back once the critic has seen what came of it', () => {
    const broken = seedPrompt.replace(placeholder, '').trimEnd()
    const { text: said } = careful.call({ model: 'actor', text: broken })
    expect(said).toBe(noTask)
    const { text: critique } = careful.call({ model: 'critic', text: `${broken}\n${said}` })
    expect(edit(broken, critique)).toBe(seedPrompt)
  })

  it('botches as many edits as asked for, in three ways', () => {
    const models = createModels(createWorld({ seed: 11, editorError: 0.3 }))
    const { sentence } = rules.find(({ role }) => role === 'neutral')!.wordings[0]!
    const asked = editRequest(seedPrompt, `This rule does harm, take it out: ${sentence}`)
    const right = edit(seedPrompt, `This rule does harm, take it out: ${sentence}`)
    const botched = Array.from({ length: 1500 }, () => models.call({ model: 'editor', text: asked }).text).filter(
      (text) => text !== right,
    )
    // Harm may be added that was there already: then nothing was botched.
    expect(botched.length / 1500).toBeGreaterThan(0.2)
    expect(botched.length / 1500).toBeLessThan(0.35)
    const lost = botched.filter((text) => !text.includes(placeholder)).length
    const fenced = botched.filter((text) => text.startsWith('```')).length
    const harmed = botched.length - lost - fenced
    for (const count of [lost, fenced, harmed]) expect(count / 1500).toBeGreaterThan(0.04)
  })
})

it('a search through the models climbs', () => {
  const models = createModels(createWorld({ seed: 3, criticError: 0.2 }))
  const { trueScore, seedPrompt, tasks } = models.world
  let best = seedPrompt
  for (let step = 0; step < 40; step += 1) {
    const runs = tasks(4, Math.floor(draw('batch', step) * 100)).map((task) => ({
      task,
      reply: models.call({ model: 'actor', text: render(best, task) }).text,
    }))
    const critique = models.call({ model: 'critic', text: critiqueRequests(best, runs)[step % 3]! }).text
    const next = models.call({ model: 'editor', text: editRequest(best, critique) }).text
    if (trueScore(next) > trueScore(best)) best = next
  }
  expect(trueScore(best)).toBeGreaterThan(0.85)
})
