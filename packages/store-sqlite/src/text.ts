import { AglError } from '@agl/types'

/**
 * For texts that are looked for by value: SQLite keeps UTF-8, which has no word for half of a surrogate pair, so that two
 * different ones would become the same.
 * @throws AglError `invalid_argument`
 */
export function checkText(text: string, field: string): void {
  if (text.isWellFormed()) return
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected \`${field}\` to be well-formed text; ${JSON.stringify(text.slice(0, 100))} holds half of a surrogate pair.`,
    data: { field },
  })
}
