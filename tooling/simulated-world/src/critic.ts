import { draw, drawByWeight } from './draw.ts'
import { findReplies, findTaskIds, type Task } from './tasks.ts'
import type { Rule, Wording } from './rules.ts'
import { placeholder } from './laws.ts'
import type { World } from './world.ts'

/** One change to a prompt, as the critic asks for it and the editor reads it. */
export type Point =
  | { readonly action: 'add' | 'remove'; readonly sentence: string }
  | { readonly action: 'reword'; readonly sentence: string; readonly better: string }
  | { readonly action: 'restore' }

/** Replies of an actor that was shown no task hold this. */
export const noTask = 'I see no request to answer.'

const restore = `The request itself is missing: put ${placeholder} back.`

export function writePoint(point: Point): string {
  switch (point.action) {
    case 'add':
      return `It lacks a rule: ${point.sentence}`
    case 'remove':
      return `This rule does harm, take it out: ${point.sentence}`
    case 'reword':
      return `This rule is put too weakly: ${point.sentence} Say instead: ${point.better}`
    case 'restore':
      return restore
    default:
      return point satisfies never
  }
}

/** The points in a text, and the text without them. */
export function readPoints({ rules }: World, text: string): { readonly points: readonly Point[]; readonly rest: string } {
  const points: Point[] = []
  let rest = text
  const take = (point: Point): void => {
    const written = writePoint(point)
    if (!rest.includes(written)) return
    points.push(point)
    rest = rest.replaceAll(written, '')
  }
  for (const { wordings } of rules) {
    for (const { sentence } of wordings) {
      for (const { sentence: better } of wordings) take({ action: 'reword', sentence, better })
      take({ action: 'add', sentence })
      take({ action: 'remove', sentence })
    }
  }
  take({ action: 'restore' })
  return { points, rest }
}

/**
 * What the critic reads in a request, whatever its template: every rule that stands anywhere in it counts as in the prompt, and every
 * answer to a task is compared with the right one, so that no notation of rewards has to be understood.
 */
export interface Observed {
  readonly present: readonly { readonly rule: Rule; readonly wording: Wording }[]
  readonly failed: readonly Task[]
  readonly answers: readonly string[]
  readonly isTaskMissing: boolean
}

export function observe(world: World, request: string): Observed {
  const replies = findReplies(request)
  // A template that shows tasks and rewards without replies: the critic takes it that it is asked about failures.
  const shown = replies.length > 0 ? replies : findTaskIds(request).map((id) => ({ id, code: '' }))
  const failed = shown.flatMap(({ id, code }) => {
    const task = world.findTask(id)
    return task === null || task.answer === code ? [] : [task]
  })
  return {
    present: world.rulesIn(request),
    failed,
    answers: shown.map(({ id, code }) => `${id} ${code}`).sort(),
    isTaskMissing: request.includes(noTask),
  }
}

interface WeightedPoint {
  readonly point: Point
  readonly weight: number
}

/** Names one flaw. `key`: what makes this reply the one it is, beside what is in the request. */
export function criticize(world: World, { present, failed, isTaskMissing }: Observed, key: readonly (string | number)[]): string {
  const { seed, criticError } = world.settings
  const isWrong = draw(seed, 'critic errs', ...key) < criticError
  const flaws = isTaskMissing ? [{ point: { action: 'restore' as const }, weight: 1 }] : findFlaws(world, present, failed)
  // Where nothing failed there is nothing to learn from, but a critic was asked and says something.
  const choices = isWrong || flaws.length === 0 ? findNonFlaws(world, present) : flaws
  return `- ${writePoint(drawByWeight(choices, seed, 'critic', ...key).point)}`
}

/** Weighted by how many of the failures shown each would have touched. */
function findFlaws({ rules }: World, present: Observed['present'], failed: readonly Task[]): readonly WeightedPoint[] {
  return rules.flatMap((rule): readonly WeightedPoint[] => {
    const touched = failed.filter(({ kind }) => rule.kindNames.includes(kind)).length
    if (touched === 0 || rule.role === 'neutral') return []
    const there = present.find((one) => one.rule === rule)?.wording
    if (rule.role === 'harmful') {
      return there === undefined ? [] : [{ point: { action: 'remove', sentence: there.sentence }, weight: touched }]
    }
    if (there === undefined) {
      // The critic proposes the rule, not its best wording: each is as likely.
      const weight = touched / rule.wordings.length
      return rule.wordings.map(({ sentence }) => ({ point: { action: 'add', sentence }, weight }))
    }
    const better = rule.wordings.find(({ strength }) => strength > there.strength)
    if (better === undefined) return []
    return [{ point: { action: 'reword', sentence: there.sentence, better: better.sentence }, weight: touched / 2 }]
  })
}

/** Asks for what does nothing or harm, or against what helps. */
function findNonFlaws({ rules }: World, present: Observed['present']): readonly WeightedPoint[] {
  const points = rules.map((rule): WeightedPoint | null => {
    const there = present.find((one) => one.rule === rule)?.wording
    if (there !== undefined) {
      return rule.role === 'harmful' ? null : { point: { action: 'remove', sentence: there.sentence }, weight: 1 }
    }
    return rule.role === 'helpful' ? null : { point: { action: 'add', sentence: rule.wordings[0]!.sentence }, weight: 1 }
  })
  const found = points.filter((point) => point !== null)
  // A prompt that holds every harmful rule and nothing else.
  return found.length > 0 ? found : [{ point: { action: 'restore' }, weight: 1 }]
}
