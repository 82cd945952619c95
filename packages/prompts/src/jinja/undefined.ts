import { invalid } from '../template-error.ts'

/** What an expression is when a name or key has no value. Any use but `is defined`, `default` and their like throws what it says. */
export class Undefined {
  /** Made when it is asked for: a template may test for what is not there in a loop. */
  readonly describe: () => string
  /** `'a' if no` without `else`, which is empty text instead. */
  readonly isSilent: boolean
  constructor(describe: () => string, { isSilent = false }: { readonly isSilent?: boolean } = {}) {
    this.describe = describe
    this.isSilent = isSilent
  }
}

/** The value, when it is one. */
export function defined(value: unknown): unknown {
  if (!(value instanceof Undefined)) return value
  if (value.isSilent) return ''
  throw invalid(value.describe())
}
