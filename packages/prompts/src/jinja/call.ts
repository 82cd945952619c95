import type { Meter } from '../meter.ts'
import { invalid } from '../template-error.ts'

/** Arguments of a call, as values. */
export interface Arguments {
  readonly positional: readonly unknown[]
  readonly named: ReadonlyMap<string, unknown>
}

/** What filters, tests and methods may use. */
export interface Tools {
  readonly meter: Meter
  /** Applies another filter or test by its name, as `map('upper')` does. */
  filter(name: string, value: unknown, call: Arguments): unknown
  test(name: string, value: unknown, call: Arguments): boolean
}

/** Something a template can call on a value: a filter, a test or a method. */
export interface Callable<Result = unknown> {
  /** Names of the arguments in their order; null takes any. */
  readonly parameters: readonly string[] | null
  /** `given` holds what was given, by the names of the parameters. */
  run(value: unknown, given: Readonly<Record<string, unknown>>, tools: Tools, call: Arguments): Result
}

/** `callable('width first', (text, { width = 4 }) => …)` */
export function callable<Result>(parameters: string | null, run: Callable<Result>['run']): Callable<Result> {
  return { parameters: parameters === null ? null : parameters.split(' ').filter((name) => name !== ''), run }
}

/** Calls it with arguments matched to its parameters. */
export function invoke<Result>(what: string, target: Callable<Result>, value: unknown, call: Arguments, tools: Tools): Result {
  tools.meter.step()
  const { parameters } = target
  if (parameters === null) return target.run(value, {}, tools, call)
  if (call.positional.length > parameters.length) {
    throw invalid(`expected at most ${parameters.length} arguments for ${what}, got ${call.positional.length}`)
  }
  const given: Record<string, unknown> = Object.create(null)
  call.positional.forEach((argument, index) => (given[parameters[index]!] = argument))
  for (const [name, argument] of call.named) {
    if (!parameters.includes(name) || name in given) {
      throw invalid(`expected for ${what} the arguments ${parameters.join(', ') || '(none)'}, each once; got "${name}"`)
    }
    given[name] = argument
  }
  return target.run(value, given, tools, call)
}
