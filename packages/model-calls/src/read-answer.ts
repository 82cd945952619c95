import { fieldsOf } from './loose.ts'

/** An answer, and why it is not a good one. */
export interface AnswerReading {
  /** The body, parsed; null when there is none to read. */
  readonly answer: unknown
  /** Null for a good answer. */
  readonly failure: string | null
}

/** Longest quote of what a backend said that went wrong. */
const longestQuote = 500

/** Reads the body of an answer that was not streamed; any API. */
export function readAnswer({ status, text }: { readonly status: number; readonly text: string }): AnswerReading {
  if (status < 200 || status > 299) return { answer: null, failure: `HTTP ${status}: ${text.slice(0, longestQuote)}` }
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return { answer: null, failure: 'The answer is not JSON' }
  }
  if (typeof answer !== 'object' || answer === null) return { answer: null, failure: 'The answer is not a JSON object' }
  return { answer, failure: failureOf(fieldsOf(answer).error) }
}

/** What is said of an error that a body or a stream holds; null when it holds none. */
export function failureOf(error: unknown): string | null {
  if (error === null || error === undefined) return null
  return `The backend sent an error: ${JSON.stringify(error).slice(0, longestQuote)}`
}
