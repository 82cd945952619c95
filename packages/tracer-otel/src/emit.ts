import type { Emitter, EmitOptions, OperationOptions, OperationScope, RewardOptions, RewardValue } from '@agl/types'
import { collectSpans } from '@agl/types/spans'
import { currentAttempt, requireAttempt } from './attribution.ts'

/** For code that runs inside rollouts and elsewhere. */
export interface OutsideOption {
  /** What to do outside a rollout: `throw` a `conflict`, or `ignore` the call once its values have been checked. Default `throw`. */
  readonly outside?: 'throw' | 'ignore'
}

/**
 * Records a reward for the rollout that the calling code belongs to.
 * @throws AglError `conflict` outside a rollout; `invalid_argument` for a value that is not finite, or named dimensions without a primary one
 */
export function emitReward(value: RewardValue, { outside, ...options }: RewardOptions & OutsideOption = {}): void {
  emitTo('emitReward', outside, (emit) => emit.reward(value, options))
}

/** Records facts about the rollout; see {@link Emitter}. */
export function emitAnnotation(values: Readonly<Record<string, unknown>>, { outside }: OutsideOption = {}): void {
  emitTo('emitAnnotation', outside, (emit) => emit.annotation(values))
}

/** Records a message; see {@link Emitter}. */
export function emitMessage(text: string, { outside, ...options }: EmitOptions & OutsideOption = {}): void {
  emitTo('emitMessage', outside, (emit) => emit.message(text, options))
}

/** Records any value that JSON can hold, or bytes; see {@link Emitter}. */
export function emitObject(value: unknown, { outside, ...options }: EmitOptions & OutsideOption = {}): void {
  emitTo('emitObject', outside, (emit) => emit.object(value, options))
}

/** Records an exception; see {@link Emitter}. */
export function emitException(error: unknown, { outside, ...options }: EmitOptions & OutsideOption = {}): void {
  emitTo('emitException', outside, (emit) => emit.exception(error, options))
}

/** Runs `work` as a recorded operation, what it records hanging under it; settles as `work` does. See {@link Emitter}. */
export function operation<Result>(
  given: string | (OperationOptions & OutsideOption),
  work: (scope: OperationScope) => Result,
): Result {
  const { outside, ...options } = typeof given === 'string' ? { name: given } : given
  if (outside === 'ignore' && currentAttempt() === undefined) return runUnrecorded(options, work)
  return requireAttempt('operation').emit.operation(options, work)
}

/**
 * A function whose every call is a recorded operation: its arguments under `args`, its result as the output. The rollout is looked up
 * at each call, so it can be made at module level; outside a rollout the function runs as it is.
 */
export function asOperation<Arguments extends readonly unknown[], Result>(
  run: (...args: Arguments) => Result,
  options: Partial<OperationOptions> = {},
): (...args: Arguments) => Result {
  const name = options.name ?? (run.name === '' ? 'anonymous' : run.name)
  return (...args) =>
    operation({ ...options, name, outside: 'ignore' }, (scope) => {
      scope.setInput(args)
      const result = run(...args)
      if (!(result instanceof Promise)) {
        scope.setOutput(result)
        return result
      }
      return result.then((value: unknown) => {
        scope.setOutput(value)
        return value
      }) as Result
    })
}

function emitTo(caller: string, outside: 'throw' | 'ignore' | undefined, write: (emit: Emitter) => void): void {
  const active = currentAttempt()
  if (active === undefined && outside === 'ignore') collectSpans(write)
  else write((active ?? requireAttempt(caller)).emit)
}

function runUnrecorded<Result>(options: OperationOptions, work: (scope: OperationScope) => Result): Result {
  let result: { readonly value: Result } | undefined
  collectSpans((emit) => {
    result = { value: emit.operation(options, work) }
  })
  return result!.value
}
