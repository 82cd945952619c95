import { draw } from './draw.ts'
import { kindNames } from './rules.ts'

/** A request to the desk, as the agent gets it. */
export interface Task {
  /** `T-17` */
  readonly id: string
  readonly kind: string
  readonly text: string
  /** The right code: four capital letters. */
  readonly answer: string
}

/** What the agent cannot see. */
export interface TaskFeatures {
  readonly kind: number
  readonly level: number
}

/** Difficulty comes in this many equally likely levels, so that means over all tasks are finite sums. */
export const levels = 9

/** The middle of each ninth of the standard normal distribution, in probability. */
const quantiles: readonly number[] = [-1.593, -0.967, -0.589, -0.282, 0, 0.282, 0.589, 0.967, 1.593]

/** In standard deviations. */
export function difficultyOf(level: number): number {
  return quantiles[level]!
}

const letters = 26

function letter(code: number): string {
  return String.fromCodePoint(65 + (code % letters))
}

/** The number of a task in its id; null for what is no id. */
export function taskNumber(id: string): number | null {
  const digits = /^T-(\d+)$/.exec(id)?.[1]
  return digits === undefined ? null : Number(digits)
}

export function makeTask(seed: number, number: number, { kind }: TaskFeatures): Task {
  const name = kindNames[kind]!
  const customer = Math.floor(draw(seed, 'customer', number) * 9000) + 1000
  const code = [0, 1, 2, 3].map((place) => letter(Math.floor(draw(seed, 'answer', number, place) * letters))).join('')
  return {
    id: `T-${number}`,
    kind: name,
    text: `Request T-${number}: customer ${customer} writes about a ${name}. Which code applies?`,
    answer: code,
  }
}

/** The actor's reply: the right code, or one with at most half of its letters right. */
export function replyTo(task: Task, isRight: boolean, luck: number): string {
  if (isRight) return `Answer for ${task.id}: ${task.answer}.`
  // 0, 1 or 2 letters are right, equally likely: a quarter of the code on average.
  const rightLetters = Math.floor(luck * 3)
  const shift = 1 + (Math.floor(luck * 3 * (letters - 1)) % (letters - 1))
  const code = [...task.answer]
    .map((right, place) => (place < rightLetters ? right : letter(right.codePointAt(0)! - 65 + shift)))
    .join('')
  return `Answer for ${task.id}: ${code}.`
}

/** The mean of {@link gradedRewardOf} over wrong replies. */
export const gradeOfWrong = 0.25

/** Replies to tasks within any text, in any notation: id and code, without repetitions. */
export function findReplies(text: string): readonly { readonly id: string; readonly code: string }[] {
  const found = [...text.matchAll(/Answer for (T-\d+): ([A-Z]{4})\b/g)]
  return [...new Map(found.map(([whole, id, code]) => [whole, { id: id!, code: code! }])).values()]
}

/** The tasks that a text shows, by their first words. */
export function findTaskIds(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/Request (T-\d+):/g)].map(([, id]) => id!))]
}

/** What the agent is paid: 1 for the right code, else 0. */
export function rewardOf(task: Task, reply: string): number {
  return gradedRewardOf(task, reply) === 1 ? 1 : 0
}

/** The share of letters that are right in the last answer to this task; 0 without one. */
export function gradedRewardOf(task: Task, reply: string): number {
  const code = findReplies(reply).findLast(({ id }) => id === task.id)?.code
  if (code === undefined) return 0
  return [...task.answer].filter((right, place) => right === code[place]).length / task.answer.length
}
