import { formatPrompt, placeholdersOf } from '@agl/prompts'
import { AglError, errorMessage, type Logger, type PromptTemplate } from '@agl/types'
import type { PaidChat } from '../run/chat.ts'
import type { Evaluation } from '../run/evaluate.ts'
import { cutMiddle, type Transcript } from '../run/transcript.ts'
import type { Random } from '../random.ts'
import { randomFor, seedFor } from '../run/hash.ts'
import { readEdit, withoutThoughts } from './answer.ts'
import { type ApoCandidate, asWritten, type Draft, problemOf } from './candidate.ts'
import type { ResolvedApoOptions } from './options.ts'

/** Why a child was not born. */
export type Skip =
  /** All that its parent was shown to do was perfect. */
  | 'no_flaw'
  /** None of the rollouts that it would be shown has a score. */
  | 'unscored'
  /** The models could not be reached, or gave nothing. */
  | 'model_failed'
  | 'empty_answer'
  /** The new prompt could not be used, and its repair neither. */
  | 'unusable_prompt'
  | 'duplicate'
  | 'budget'

export type Birth = { readonly draft: Draft } | { readonly skip: Skip; readonly error?: AglError }

/** A place for a child: its name decides what is drawn for it. */
export interface Slot {
  readonly name: string
  readonly round: number
  readonly target: string
}

export interface Nursery {
  /** A changed prompt, by what a critic says of some of the parent's rollouts. */
  mutate(parent: ApoCandidate, trials: readonly Evaluation[], slot: Slot): Promise<Birth>
  /** A prompt made of two. */
  merge(parent: ApoCandidate, other: ApoCandidate, slot: Slot): Promise<Birth>
}

export function createNursery(chat: Pick<PaidChat, 'ask'>, options: ResolvedApoOptions<unknown>, logger: Logger): Nursery {
  const { seed, templates, model } = options

  return {
    async mutate(parent, trials, slot) {
      const shown = chooseExperiments(trials, slot)
      if (shown.length === 0) return { skip: trials.some(({ score }) => score !== null) ? 'no_flaw' : 'unscored' }
      return await attempt(slot, async () => {
        const { template } = templateOf(parent, slot)
        const values = { prompt_template: template, experiments: shown.map(toValues) }
        const critique = withoutThoughts(await ask('critique', slot, values)).trim()
        if (critique === '') return { skip: 'empty_answer' }
        const answer = await ask('edit', slot, { prompt_template: template, critique, placeholders: placeholders(parent, slot) })
        return await toBirth(parent, slot, answer, { parents: [parent.id], critique })
      })
    },
    async merge(parent, other, slot) {
      return await attempt(slot, async () => {
        const answer = await ask('merge', slot, {
          prompt_template: templateOf(parent, slot).template,
          other_template: templateOf(other, slot).template,
          placeholders: placeholders(parent, slot),
        })
        return await toBirth(parent, slot, answer, { parents: [parent.id, other.id], critique: null })
      })
    },
  }

  /**
   * Mostly what went wrong, and something that went right to compare it with. The worse it was the likelier it is shown, and each child is
   * shown others: where all saw the very worst, what costs half a reward would go unseen as long as anything costs a whole one.
   */
  function chooseExperiments(trials: readonly Evaluation[], { name }: Slot): readonly Transcript[] {
    const { perfectReward, gradientBatchSize, worstReward } = options
    const random = randomFor(seed, 'experiments', name)
    const shown = random
      .shuffle(trials)
      .flatMap((trial) =>
        trial.transcript === null || trial.score === null ? [] : [{ score: trial.score, transcript: trial.transcript }],
      )
    const isFlawed = ({ score }: { readonly score: number }): boolean => perfectReward === null || score < perfectReward
    const best = perfectReward ?? Math.max(...shown.map(({ score }) => score))
    const flawed = drawWeighted(shown.filter(isFlawed), ({ score }) => best - score, random)
    if (flawed.length === 0) return []
    const fine = perfectReward === null ? [] : shown.filter((each) => !isFlawed(each))
    const most = Math.max(1, gradientBatchSize - Math.min(fine.length, Math.floor(gradientBatchSize / 4)))
    const kept = [...flawed.slice(0, most), ...fine].slice(0, gradientBatchSize)
    return kept.map(({ transcript, score }) => ({ ...transcript, reward: transcript.reward ?? Math.max(score, worstReward) }))
  }

  /** As templates see it: tasks that are no text are JSON. */
  function toValues({ input, ...rest }: Transcript): Readonly<Record<string, unknown>> {
    const text = typeof input === 'string' ? input : JSON.stringify(input)
    return { ...rest, input: cutMiddle(text, options.experimentCharacters) }
  }

  async function attempt(slot: Slot, work: () => Promise<Birth>): Promise<Birth> {
    try {
      return await work()
    } catch (error) {
      if (AglError.isInstance(error, 'budget_exhausted')) return { skip: 'budget' }
      if (!AglError.isInstance(error, 'optimizer_failed')) throw error
      logger.warn('A prompt could not be changed', { slot: slot.name, error: errorMessage(error) })
      return { skip: 'model_failed', error }
    }
  }

  async function ask(
    role: 'critique' | 'edit' | 'merge' | 'repair',
    slot: Slot,
    values: Readonly<Record<string, unknown>>,
  ): Promise<string> {
    const all = templates[role]
    const template = all[randomFor(seed, 'template', role, slot.name).below(all.length)]!
    return await chat.ask(role === 'critique' ? model.critique : model.edit, `${slot.name}/${role}`, {
      text: formatPrompt(template, values),
      temperature: options.diversityTemperature,
      seed: seedFor(seed, 'chat', role, slot.name),
    })
  }

  async function toBirth(
    parent: ApoCandidate,
    slot: Slot,
    answer: string,
    origin: Pick<Draft, 'parents' | 'critique'>,
  ): Promise<Birth> {
    const old = templateOf(parent, slot)
    const first = readEdit(answer)
    if (first === null) return { skip: 'empty_answer' }
    const problem = problemOf({ ...old, template: first.template }, old, options.maxPromptCharacters)
    if (problem === null) return birth(first)
    const repaired = readEdit(
      await ask('repair', slot, { prompt_template: old.template, answer, problem, placeholders: placeholders(parent, slot) }),
    )
    const isUsable =
      repaired !== null && problemOf({ ...old, template: repaired.template }, old, options.maxPromptCharacters) === null
    if (isUsable) return birth(repaired)
    logger.info('A changed prompt cannot be used', { slot: slot.name, problem })
    return { skip: 'unusable_prompt' }

    function birth({ template, rationale }: NonNullable<typeof first>): Birth {
      const templates = { ...parent.templates, [slot.target]: { ...old, template } }
      return { draft: { templates, ...origin, round: slot.round, target: slot.target, rationale } }
    }
  }
}

/** All of them in a random order, the heavier the earlier (Efraimidis and Spirakis 2006); those without weight come last. */
function drawWeighted<Item>(items: readonly Item[], weightOf: (item: Item) => number, random: Random): readonly Item[] {
  const keyed = items.map((item) => ({ item, key: -Math.log(1 - random.next()) / weightOf(item) }))
  return keyed.toSorted((a, b) => a.key - b.key || 0).map(({ item }) => item)
}

function templateOf({ templates }: ApoCandidate, { target }: Slot): PromptTemplate {
  return templates[target]!
}

function placeholders(parent: ApoCandidate, slot: Slot): string {
  const template = templateOf(parent, slot)
  return asWritten(placeholdersOf(template), template)
}
