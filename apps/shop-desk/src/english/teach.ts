import type { Random } from '@agl/algorithms'
import type { ChatMessage } from '@agl/embedded-model'
import { renderCritique, renderEdit } from '../optimizer-templates.ts'
import { between, createTask, pick, type ShopTask } from '../tasks.ts'
import { drawCritique, type Fault, faults } from './critiques.ts'
import { drawPrompt, type PromptSentence, toText, withoutRepetition, writeSentence } from './draw-prompt.ts'
import { playByRules, type RuledEpisode } from './play-by-rules.ts'
import { harmfulRules, type RuleName, usefulRules } from './rules.ts'

/** The roles of the one model. The reader is a help in training, and a way to ask what has been understood. */
export type Role = 'clerk' | 'critic' | 'editor' | 'reader'

/** A conversation to learn from: what the assistant says in it. */
export interface Lesson {
  readonly role: Role
  readonly messages: readonly ChatMessage[]
}

/** One lesson; critics and editors among them are wrong sometimes. */
export async function drawLesson(random: Random): Promise<Lesson> {
  const kind = random.next()
  if (kind < 0.38) return await teachClerk(random)
  if (kind < 0.54) return teachReader(random)
  return kind < 0.76 ? await teachCritic(random) : teachEditor(random)
}

/**
 * Serves four customers with different questions under one prompt, so that most of its rules matter. In the measure of what it has to
 * read it is the same as four lessons with one customer each, at less than half the tokens.
 */
async function teachClerk(random: Random): Promise<Lesson> {
  const sentences = drawPrompt(random)
  const messages: ChatMessage[] = [{ role: 'system', content: toText(sentences) }]
  const customers = new Map<string, ShopTask>()
  while (customers.size < 4) {
    const task = createTask(random)
    if (!customers.has(task.kind)) customers.set(task.kind, task)
  }
  for (const task of customers.values()) messages.push(...(await playByRules(task, rulesIn(sentences), random)).messages)
  return { role: 'clerk', messages }
}

/** What the reader calls a sentence. */
export const topics: Readonly<Record<RuleName | 'neutral', string>> = Object.freeze({
  stock: 'stock',
  several: 'quantity',
  both: 'two',
  times: '*',
  format: 'answer',
  lookup: 'tools',
  guess: 'guess',
  single: 'one',
  chat: 'sentence',
  plus: '+',
  wrongTool: 'price',
  neutral: 'nothing',
})

export function readingQuestion(prompt: string): string {
  return `what is in this prompt: ${prompt}`
}

/** Says of each sentence what it is about. */
function teachReader(random: Random): Lesson {
  const sentences = drawPrompt(random)
  return {
    role: 'reader',
    messages: [
      { role: 'user', content: readingQuestion(toText(sentences)) },
      { role: 'assistant', content: sentences.map(({ rule }) => topics[rule]).join(' ') },
    ],
  }
}

/** Reads up to two failed cases and names what went wrong in one of them. */
async function teachCritic(random: Random): Promise<Lesson> {
  const sentences = drawPrompt(random)
  const cases: RuledEpisode[] = []
  const wanted = between(random, 1, 2)
  for (let tries = 0; cases.length < wanted && tries < 8; tries += 1) {
    const episode = await playByRules(createTask(random), rulesIn(sentences), random)
    if (episode.reward === 0) cases.push(episode)
  }
  const named = cases.flatMap((one) => one.faults)
  const fault = named.length === 0 ? null : random.next() < 0.06 ? pick(random, faults) : pick(random, named)
  const experiments = cases.map(({ messages, reward, feedback }) => ({ messages, reward, feedback }))
  return {
    role: 'critic',
    messages: [
      { role: 'user', content: renderCritique({ prompt_template: toText(sentences), experiments }) },
      { role: 'assistant', content: drawCritique(random, fault) },
    ],
  }
}

function teachEditor(random: Random): Lesson {
  const sentences = drawPrompt(random)
  const harmful = sentences.flatMap(({ rule }) => harmfulRules.filter((name) => name === rule))
  const fault =
    harmful.length > 0 && random.next() < 0.5 ? pick(random, harmful) : random.next() < 0.03 ? null : pick(random, faults)
  const edited =
    random.next() < 0.1 ? editWrongly(random, sentences) : fault === null ? sentences : edit(random, sentences, fault)
  return {
    role: 'editor',
    messages: [
      { role: 'user', content: renderEdit({ prompt_template: toText(sentences), critique: drawCritique(random, fault) }) },
      { role: 'assistant', content: toText(edited.length === 0 ? [writeSentence(random, 'neutral')] : edited) },
    ],
  }
}

/** The useful rule that answers a harmful one. */
const remedies: Readonly<Record<(typeof harmfulRules)[number], readonly RuleName[]>> = {
  guess: ['lookup'],
  single: ['several', 'both'],
  chat: ['format'],
  plus: ['times'],
  wrongTool: ['stock'],
}

function edit(random: Random, sentences: readonly PromptSentence[], fault: Fault): readonly PromptSentence[] {
  const harmful = harmfulRules.find((rule) => rule === fault)
  if (harmful !== undefined) {
    const rest = sentences.filter(({ rule }) => rule !== harmful)
    const hasGone = rest.length < sentences.length
    return hasGone && random.next() < 0.7 ? rest : insert(random, rest, writeSentence(random, pick(random, remedies[harmful])))
  }
  const rule = fault as RuleName
  const rest = random.next() < 0.7 ? sentences.filter((sentence) => sentence.rule !== rule) : sentences
  return insert(random, rest, writeSentence(random, rule))
}

/** What a careless editor does: it writes about something else, loses a sentence or gives the prompt back. */
function editWrongly(random: Random, sentences: readonly PromptSentence[]): readonly PromptSentence[] {
  switch (random.below(5)) {
    case 0:
      return insert(random, sentences, writeSentence(random, pick(random, usefulRules)))
    case 1:
      return insert(random, sentences, writeSentence(random, pick(random, harmfulRules)))
    case 2:
      return insert(random, sentences, writeSentence(random, 'neutral'))
    case 3: {
      const lost = random.below(sentences.length)
      return sentences.filter((_, index) => index !== lost)
    }
    default:
      return sentences
  }
}

function insert(random: Random, sentences: readonly PromptSentence[], sentence: PromptSentence): readonly PromptSentence[] {
  const at = random.next() < 0.75 ? sentences.length : random.below(sentences.length + 1)
  return withoutRepetition([...sentences.slice(0, at), sentence, ...sentences.slice(at)])
}

function rulesIn(sentences: readonly PromptSentence[]): ReadonlySet<RuleName> {
  return new Set(sentences.flatMap(({ rule }) => (rule === 'neutral' ? [] : [rule])))
}
