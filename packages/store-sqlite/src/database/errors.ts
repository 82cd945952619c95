import { AglError, errorMessage } from '@agl/types'

/** Primary result codes of SQLite; an extended code has these in its lowest eight bits. */
const busy = 5
const locked = 6
const readOnly = 8
const ioError = 10
const corrupt = 11
const full = 13
const cannotOpen = 14
const notADatabase = 26

function resultCode(thrown: unknown): number | null {
  if (typeof thrown !== 'object' || thrown === null || !('errcode' in thrown)) return null
  return typeof thrown.errcode === 'number' ? thrown.errcode & 0xff : null
}

/** Another connection holds the file at the moment. */
export function isBusy(thrown: unknown): boolean {
  const code = resultCode(thrown)
  return code === busy || code === locked
}

export function isSqliteError(thrown: unknown): boolean {
  return resultCode(thrown) !== null
}

/** The error of SQLite as one of ours; anything else as it is. */
export function translateError(thrown: unknown, file: string): unknown {
  const code = resultCode(thrown)
  if (code === null) return thrown
  const says = errorMessage(thrown)
  const refuse = (name: string, message: string): AglError =>
    new AglError({ code: name, message: `${message} SQLite says: ${says}.`, data: { file }, cause: thrown })
  switch (code) {
    case full:
      return refuse('storage_full', `There is no room left for "${file}"; free some space or delete rollouts, then try again.`)
    case notADatabase:
      return refuse('invalid_argument', `Expected "${file}" to be a SQLite database or not to exist; it is neither.`)
    case corrupt:
      return refuse(
        'database_corrupt',
        `The database "${file}" is damaged; restore a copy, or save what can be read with "sqlite3 .recover".`,
      )
    case cannotOpen:
      return refuse('invalid_argument', `Expected "${file}" to be a file that can be opened, in a folder that exists.`)
    case readOnly:
      return refuse('invalid_argument', `Expected to be allowed to write "${file}" and beside it.`)
    case ioError:
      return refuse('internal', `Reading or writing "${file}" failed.`)
    case busy:
    case locked:
      return lockedTooLong(file, null)
    default:
      return refuse('internal', `The database "${file}" refused a statement.`)
  }
}

/** The call did nothing and may be sent again. */
export function lockedTooLong(file: string, waitedMs: number | null): AglError {
  const time = waitedMs === null ? '' : ` for ${Math.round(waitedMs)} ms`
  return new AglError({
    code: 'timeout',
    message: `The database "${file}" has been locked by another connection${time}; nothing was changed. Try again, or look for who holds a transaction open.`,
    data: { file, waitedMs },
  })
}
