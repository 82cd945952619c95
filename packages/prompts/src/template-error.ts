import { AglError } from '@agl/types'

/** Where in a template something is; both count from 1, columns in UTF-16 units, and `\r\n` is one line end. */
export interface TemplatePosition {
  readonly line: number
  readonly column: number
}

/** The position of an offset in a text. */
export function positionOf(text: string, offset: number): TemplatePosition {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: offset - lineStart + 1 }
}

/** What rendering throws: a template or a value that does not fit. */
export function invalid(message: string): AglError {
  return new AglError({ code: 'invalid_argument', message })
}

/** The error of a template at one of its places. Programs find the place in `data`, and what was wrong there in `data.problem`. */
export function invalidAt(problem: string, text: string, offset: number): AglError {
  const position = positionOf(text, offset)
  return new AglError({
    code: 'invalid_argument',
    message: `Line ${position.line}, column ${position.column} of the template: ${problem}`,
    data: { problem, ...position },
  })
}

/** An error of rendering with the place it happened at; anything that has a place, or is of another kind, stays as it is. */
export function withPlace(error: unknown, text: string, offset: number): unknown {
  if (!AglError.isInstance(error, 'invalid_argument') || 'line' in error.data) return error
  return invalidAt(error.message, text, offset)
}
