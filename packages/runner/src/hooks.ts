import { setTimeout as sleep } from 'node:timers/promises'
import { type Attempt, type AttemptedRollout, type Counter, type Emitter, errorMessage, type Logger, type Span } from '@agl/types'
import type { Agent } from './agent.ts'
import type { Ending } from './attempt.ts'

/** What every hook is told. */
export interface RolloutEvent {
  readonly agent: Agent<never>
  readonly rollout: AttemptedRollout
  /** Aborted when the attempt is to stop. */
  readonly signal: AbortSignal
}

export interface TraceEvent extends RolloutEvent {
  /** Records into the attempt. */
  readonly emit: Emitter
}

export interface RolloutEndEvent extends RolloutEvent {
  /** How the attempt ended; nothing of it is in the store yet. */
  readonly ending: Ending
  /** Why, where it did not end well; null otherwise. */
  readonly error: unknown
  /** The spans of the attempt that are in the store, in order. */
  readSpans(): Promise<readonly Span[]>
}

export interface RolloutSettledEvent extends RolloutEndEvent {
  /** As it was settled, with its outcome; null when it could not be, or is somebody else's by now. */
  readonly attempt: Attempt | null
}

/**
 * What a program does around each rollout of a runner. A start is always followed by its end, whatever happens in between: a hang
 * of the agent, missing resources, a stop. A hook that throws, or takes longer than `hookTimeoutMs`, is reported to the logger, and
 * changes nothing for the rollout and for the other hooks.
 */
export interface Hooks {
  /** Before anything is done. */
  onRolloutStart?(event: RolloutEvent): unknown
  /** Right before the agent runs, inside the trace. */
  onTraceStart?(event: TraceEvent): unknown
  /** Right after; `error` is what the agent threw, or why it was stopped; null when it did neither. */
  onTraceEnd?(event: TraceEvent & { readonly error: unknown }): unknown
  /** The spans are in the store, the end is not. */
  onRolloutEnd?(event: RolloutEndEvent): unknown
  /** The end is in the store. */
  onRolloutSettled?(event: RolloutSettledEvent): unknown
}

export type HookName = keyof Hooks

type EventOf<Name extends HookName> = Parameters<NonNullable<Hooks[Name]>>[0]

export interface HookCaller {
  /** Calls the hooks one after the other; never rejects. */
  call<Name extends HookName>(name: Name, event: EventOf<Name>): Promise<void>
}

export function createHookCaller(
  hooks: readonly Hooks[],
  parts: { readonly timeoutMs: number; readonly logger: Logger; readonly failures: Counter<'hook'> },
): HookCaller {
  const { timeoutMs, logger, failures } = parts
  return {
    async call(name, event) {
      for (const hook of hooks) {
        const run = hook[name] as ((event: unknown) => unknown) | undefined
        if (run === undefined) continue
        try {
          await within(timeoutMs, async () => await run.call(hook, event))
        } catch (error) {
          const { rollout_id: rolloutId } = event.rollout
          failures.add(1, { hook: name })
          logger.warn('A hook failed', { hook: name, rolloutId, error: errorMessage(error) })
        }
      }
    },
  }
}

async function within(timeoutMs: number, work: () => Promise<unknown>): Promise<void> {
  const done = new AbortController()
  const late = async (): Promise<never> => {
    await sleep(timeoutMs, undefined, { signal: done.signal })
    throw new Error(`It has not ended after ${timeoutMs} ms and is left behind.`)
  }
  try {
    await Promise.race([work(), late()])
  } finally {
    done.abort()
  }
}
