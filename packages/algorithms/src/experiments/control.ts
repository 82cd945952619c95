import { AglError, type LightningStore, type Logger, silentLogger } from '@agl/types'
import { type Authorship, createRecord, type ExperimentState, isSameTarget, type Target } from './record.ts'
import * as steps from './steps.ts'

/** What can be done to an experiment that is in a store, without the program that defined it. */
export interface ExperimentControl {
  /** Every step since it was defined: who, when and why; read from the store. */
  history(): Promise<readonly ExperimentState[]>
  /** Gives a share of the keys, above 0 and below 1, the arm, and all others the control. */
  rollOut(step: Authorship & { readonly arm: string; readonly share: number }): Promise<ExperimentState>
  /** All get the arm, and the alias points to it. */
  promote(step: Authorship & { readonly arm: string }): Promise<ExperimentState>
  /** All get the control, and the alias points to where it did before. */
  rollback(step: Authorship): Promise<ExperimentState>
}

/** @param last null = the experiment is not there @returns null = nothing is to be done */
type Decide = (
  last: ExperimentState | null,
  history: readonly ExperimentState[],
) => Promise<steps.Step | null> | steps.Step | null

/** The steps of an experiment, and the alias that follows them. */
export interface ExperimentSteps extends ExperimentControl {
  readonly rolloutId: string
  /** Appends what `decide` makes of the last state, after whatever others did first. */
  take(decide: Decide): Promise<ExperimentState>
  /** Moves the alias where the last state says, as after a crash between the two. */
  moveAlias(): Promise<void>
}

/**
 * An experiment of a store by its name.
 * @throws AglError `not_found` from each step when there is none
 */
export function controlExperiment(options: {
  readonly store: LightningStore
  readonly name: string
  readonly logger?: Logger
}): ExperimentControl {
  const { history, rollOut, promote, rollback } = createSteps(options)
  return { history, rollOut, promote, rollback }
}

export function createSteps({
  store,
  name,
  logger = silentLogger,
}: {
  readonly store: LightningStore
  readonly name: string
  readonly logger?: Logger
}): ExperimentSteps {
  const record = createRecord(store, name)

  async function take(decide: Decide): Promise<ExperimentState> {
    for (;;) {
      const history = await record.read()
      const last = history.at(-1) ?? null
      const step = await decide(last, history)
      if (step === null) return known(last)
      steps.checkAuthor(step)
      const next = {
        ...step,
        revision: (last?.revision ?? 0) + 1,
        id: globalThis.crypto.randomUUID(),
        time: Date.now() / 1000,
      }
      if (!(await record.append(next))) continue
      await moveAlias()
      return next
    }
  }

  function known(state: ExperimentState | null): ExperimentState {
    if (state !== null) return state
    throw new AglError({
      code: 'not_found',
      message: `There is no experiment "${name}" in this store.`,
      data: { experiment: name },
    })
  }

  async function targetOf(alias: string): Promise<Target | null> {
    const found = await store.getResourcesByAlias({ alias })
    return found === null ? null : { resourcesId: found.resources_id, version: found.version }
  }

  /** Where the alias is to go back to: as the record has it, whoever is about to move it there, unless somebody else has moved it away. */
  async function presentOf(state: ExperimentState, history: readonly ExperimentState[]): Promise<Target | null> {
    const present = await targetOf(state.alias)
    return state.stable !== null && (present === null || hasSet(history, present)) ? state.stable : present
  }

  /**
   * The step is written down first, then the alias is moved: whoever opens the experiment after a crash in between moves it. Of two who take steps at
   * once the first may move it last, so each looks again after its move whether the record is still as it was.
   */
  async function moveAlias(): Promise<void> {
    for (;;) {
      const history = await record.read()
      const { alias, stable, previous, phase, control, arms } = known(history.at(-1) ?? null)
      const present = await targetOf(alias)
      // An alias that nobody has set begins at the control.
      const wanted = stable ?? (present === null ? arms[control]! : null)
      if (wanted === null || isSameTarget(present, wanted)) return
      const others = Object.entries(arms).flatMap(([arm, target]) => (arm === control ? [] : [target]))
      const before = phase === 'promoted' ? [previous] : others
      if (present !== null && !hasSet(history, present) && !before.some((target) => isSameTarget(target, present))) {
        logger.warn('An alias was moved by somebody else and is left where it is', { experiment: name, alias, ...present })
        return
      }
      try {
        await store.setResourcesAlias({ alias, ...wanted, expected: present })
      } catch (error) {
        // Another process was faster.
        if (!AglError.isInstance(error, 'conflict')) throw error
      }
    }
  }

  return {
    rolloutId: record.rolloutId,
    history: () => record.read(),
    take,
    moveAlias,
    rollOut: async ({ arm, share, ...author }) => await take((last) => steps.rollOut(known(last), arm, share, author)),
    promote: async ({ arm, ...author }) =>
      await take(async (last, history) => steps.promote(known(last), arm, await presentOf(known(last), history), author)),
    rollback: async (author) => await take((last) => steps.rollback(known(last), author)),
  }
}

/** Whether a step of the experiment moved its alias there. */
function hasSet(history: readonly ExperimentState[], target: Target): boolean {
  return history.some(({ stable }) => isSameTarget(stable, target))
}
