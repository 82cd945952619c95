import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where a function of ours was called, for errors that show what to write there. */
export interface CallSite {
  readonly file: string
  readonly line: number
}

/** @param callee whose caller is looked for; null where the stack does not tell */
export function findCallSite(callee: (...values: never[]) => unknown): CallSite | null {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, callee)
  const frame = holder.stack?.split('\n').find((each) => /^\s*at .*:\d+:\d+\)?$/.test(each))
  const found =
    frame === undefined
      ? null
      : /((?:file:\/\/)?[^\s()][^()]*):(\d+):\d+\)?$/.exec(frame.replace(/^\s*at /, '').replace(/^.*\(/, ''))
  if (found === null) return null
  const [, where = '', line = ''] = found
  return { file: where.startsWith('file:') ? fileURLToPath(where) : where, line: Number(line) }
}

/** The name of what the call was given first, as `clerk` in `trainer.fit(clerk, tasks)`; null where it has none. */
export function firstArgument({ file, line }: CallSite, callee: string): string | null {
  try {
    const text = readFileSync(file, 'utf8')
      .split('\n')
      .slice(line - 1, line + 2)
      .join(' ')
    return new RegExp(`\\b${callee}\\(\\s*([A-Za-z_$][\\w$]*)\\s*[,)]`).exec(text)?.[1] ?? null
  } catch {
    return null
  }
}
