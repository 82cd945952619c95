/**
 * What the model that reads prompts understands: `pnpm --filter @agl/shop-desk measure:prompts [--tasks 200] [--seed 1]`.
 * Scores are shares of customers served rightly, at temperature 0.7.
 */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { createRandom, estimateMean } from '@agl/algorithms'
import { readCheckpoint } from '@agl/embedded-model'
import { handWrittenPrompt, seedPrompt } from './desk-prompts.ts'
import { drawCritique, type Fault, faultOf, faults } from './english/critiques.ts'
import { drawPrompt, toText } from './english/draw-prompt.ts'
import { heldOutWordings } from './english/held-out.ts'
import { playByRules } from './english/play-by-rules.ts'
import { drawSentence, harmfulRules, type RuleName, rulesOf, type UsefulRule, usefulRules } from './english/rules.ts'
import { renderCritique, renderEdit } from './optimizer-templates.ts'
import { openPromptDesk } from './prompt-desk.ts'
import { createTask, createTasks, pick, type ShopTask } from './tasks.ts'

const { values } = parseArgs({
  options: { tasks: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' }, model: { type: 'string' } },
})
const random = createRandom(Number(values.seed))
const tasks = createTasks(random.seed(), Number(values.tasks))
const desk = await openPromptDesk(values.model === undefined ? {} : { checkpoint: readCheckpoint(await readFile(values.model)) })
const started = performance.now()

const alike: readonly (readonly Fault[])[] = [
  ['stock', 'wrongTool'],
  ['several', 'single', 'plus'],
  ['both', 'single'],
  ['times', 'plus'],
  ['format', 'chat'],
]
const mean = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0) / numbers.length
const show = (label: string, value: number | string): void =>
  console.log(`${label.padEnd(44)} ${typeof value === 'number' ? value.toFixed(3) : value}`)
const persona = 'you are a clerk at the desk of a shop.'

/** A prompt with a sentence for every useful rule, each from `write`, in an order of its own. */
function fullPrompt(write: (rule: UsefulRule) => string): string {
  return [persona, ...random.shuffle(usefulRules).map(write)].join(' ')
}

/** The mean over prompts, each scored on its share of the customers. */
async function scoreMany(prompts: readonly string[], customers: readonly ShopTask[] = tasks): Promise<number> {
  const size = Math.max(1, Math.floor(customers.length / prompts.length))
  return mean(
    await Promise.all(
      prompts.map((prompt, index) =>
        desk.score(prompt, customers.slice((index * size) % customers.length).slice(0, size), random.seed()),
      ),
    ),
  )
}
const times = <Item>(count: number, make: () => Item): readonly Item[] => Array.from({ length: count }, make)

show('seed prompt', await desk.score(seedPrompt, tasks, random.seed()))
show('hand-written prompt', await desk.score(handWrittenPrompt, tasks, random.seed()))
show('no rule at all', await desk.score(persona, tasks, random.seed()))
const drawn = await Promise.all(times(20, () => desk.score(toText(drawPrompt(random)), tasks.slice(0, 50), random.seed())))
show('20 prompts drawn at random', `${estimateMean(drawn).mean.toFixed(3)} (best ${Math.max(...drawn).toFixed(3)})`)

console.log('\nEvery useful rule, in wordings')
show('that it has read', await scoreMany(times(40, () => fullPrompt((rule) => drawSentence(random, rule)))))
show(
  'of the same fragment, kept from it',
  await scoreMany(times(40, () => fullPrompt((rule) => drawSentence(random, rule, true)))),
)
show('written otherwise', await scoreMany(times(40, () => fullPrompt((rule) => pick(random, heldOutWordings[rule])))))

console.log('\nOne rule, on the customers that it is for: without it, read, kept, and each wording written otherwise')
for (const rule of usefulRules.filter((name) => name !== 'lookup')) {
  const customers = rule === 'format' ? tasks : tasks.filter(({ kind }) => kind === rule)
  const others = (sentence: string): string =>
    [persona, ...usefulRules.filter((name) => name !== rule).map((name) => drawSentence(random, name)), sentence].join(' ')
  const wordings = await Promise.all(
    heldOutWordings[rule].map((sentence) =>
      scoreMany(
        times(4, () => others(sentence)),
        customers,
      ),
    ),
  )
  show(
    rule,
    [
      await scoreMany(
        times(4, () => others('be polite.')),
        customers,
      ),
      await scoreMany(
        times(12, () => others(drawSentence(random, rule))),
        customers,
      ),
      await scoreMany(
        times(12, () => others(drawSentence(random, rule, true))),
        customers,
      ),
      mean(wordings),
    ]
      .map((value) => value.toFixed(2))
      .join('  ') + `   ${wordings.map((value) => value.toFixed(2)).join(' ')}`,
  )
}

console.log('\nThe hand-written prompt with a harmful rule: read, kept, written otherwise')
for (const rule of harmfulRules) {
  const spoilt = (sentence: string): string => `${handWrittenPrompt} ${sentence}`
  show(
    rule,
    (
      await Promise.all([
        scoreMany(times(10, () => spoilt(drawSentence(random, rule)))),
        scoreMany(times(10, () => spoilt(drawSentence(random, rule, true)))),
        scoreMany(heldOutWordings[rule].map(spoilt)),
      ])
    )
      .map((value) => value.toFixed(2))
      .join('  '),
  )
}

console.log('\nCritic and editor (temperature 0.7)')
const critiques = await Promise.all(times(200, critiqueOne))
show('critiques that are of the fragment', mean(critiques.map(({ named }) => (named === undefined ? 0 : 1))))
show(
  'critiques that name a fault of a case',
  mean(critiques.map(({ named, real }) => (named != null && real.includes(named) ? 1 : 0))),
)
for (const isHeldOut of [false, true]) {
  const edits = await Promise.all(times(200, () => editOne(isHeldOut)))
  const wording = isHeldOut ? 'kept wordings' : 'read wordings'
  show(`edits by ${wording}: sentences of the fragment`, mean(edits.map(({ known }) => known)))
  show(`edits by ${wording} that do as asked`, mean(edits.map(({ isDone }) => Number(isDone))))
  show(`edits by ${wording} that keep the rest`, mean(edits.map(({ isKept }) => Number(isKept))))
}

const seconds = (performance.now() - started) / 1000
console.log(`\n${desk.calls} completions in ${seconds.toFixed(1)} s: ${(desk.calls / seconds).toFixed(0)} per second`)

async function critiqueOne(): Promise<{ readonly named: Fault | null | undefined; readonly real: readonly Fault[] }> {
  for (;;) {
    const sentences = drawPrompt(random)
    const rules = new Set(sentences.flatMap(({ rule }) => (rule === 'neutral' ? [] : [rule])))
    const one = await playByRules(createTask(random), rules, random)
    if (one.reward === 1) continue
    const text = renderCritique({ prompt_template: toText(sentences), experiments: [one] })
    // A harmful rule and the useful one that it stands against may both be named.
    const real = one.faults.flatMap((fault) => alike.find((group) => group.includes(fault)) ?? [fault])
    return { named: faultOf(await desk.ask(text, { seed: random.seed(), temperature: 0.7 })), real }
  }
}

async function editOne(
  isHeldOut: boolean,
): Promise<{ readonly known: number; readonly isDone: boolean; readonly isKept: boolean }> {
  const sentences = usefulRules
    .filter(() => random.next() < 0.5)
    .map((rule) => ({ rule: rule as RuleName, text: drawSentence(random, rule) }))
  const fault = pick(random, faults)
  const harmful = harmfulRules.find((rule) => rule === fault)
  if (harmful !== undefined) sentences.push({ rule: harmful, text: drawSentence(random, harmful) })
  const before = random.shuffle(sentences)
  const prompt = [persona, ...before.map(({ text }) => text)].join(' ')
  const text = renderEdit({ prompt_template: prompt, critique: drawCritique(random, fault, isHeldOut) })
  const edited = (await desk.ask(text, { seed: random.seed(), temperature: 0.7 })).split(/(?<=\.) /)
  const rules = edited.map(rulesOf)
  return {
    known: mean(rules.map((found) => (found === null ? 0 : 1))),
    isDone:
      harmful === undefined
        ? rules.some((found) => found?.includes(fault as RuleName))
        : !rules.some((found) => found?.includes(harmful)),
    isKept: before.every((sentence) => sentence.rule === fault || edited.includes(sentence.text)),
  }
}
await desk[Symbol.asyncDispose]()
