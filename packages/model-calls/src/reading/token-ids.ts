import type { TokenLogprob } from '../model-call.ts'
import { fieldsOf, jsonOrText, listOf, type Report, textOf } from './values.ts'

/** Token ids, from a list or its JSON text; null, and reported, for anything else that is there. No ids are no record of ids. */
export function tokenIdsOf(value: unknown, where: string, report: Report): readonly number[] | null {
  const ids = jsonOrText(value)
  if (ids === undefined || ids === null) return null
  if (!Array.isArray(ids) || !ids.every((id) => Number.isSafeInteger(id))) {
    report(`${where}: expected a list of token ids, got something else; they are left out`)
    return null
  }
  return ids.length === 0 ? null : (ids as readonly number[])
}

/**
 * Log-probabilities from OpenAI's `logprobs`, its `content`, the JSON text of either, or the two lists of the legacy API.
 * One malformed entry spoils all: they are of use only when there is one for each token.
 */
export function logprobsOf(value: unknown, where: string, report: Report): readonly TokenLogprob[] | null {
  const found = jsonOrText(value)
  const fields = fieldsOf(found)
  const entries = fields === null ? found : (fields['content'] ?? legacyEntries(fields))
  if (entries === undefined || entries === null) return null
  const list = listOf(entries)
  if (list === null || !list.every(isTokenLogprob)) {
    report(`${where}: expected a list of { token, logprob }, got something else; the log-probabilities are left out`)
    return null
  }
  return list.length === 0 ? null : (list as readonly TokenLogprob[])
}

function legacyEntries({ tokens, token_logprobs: logprobs }: Readonly<Record<string, unknown>>): unknown {
  if (!Array.isArray(tokens) || !Array.isArray(logprobs)) return null
  return tokens.map((token: unknown, index) => ({ token, logprob: logprobs[index] as unknown }))
}

function isTokenLogprob(entry: unknown): boolean {
  const fields = fieldsOf(entry)
  return fields !== null && textOf(fields['token']) !== null && typeof fields['logprob'] === 'number'
}
