import type { Answer, JsonRecord, Turn } from './model.ts'

/** One API: how its requests are read, and how an answer is written whole and as events. */
export interface Api {
  readonly turns: (body: JsonRecord) => readonly Turn[]
  readonly toolNames: (body: JsonRecord) => readonly string[]
  readonly write: (context: AnswerContext) => unknown
  /** In the order they are sent; a string is sent as it is. */
  readonly stream: (context: AnswerContext) => readonly StreamEvent[]
}

export interface AnswerContext {
  readonly body: JsonRecord
  readonly answer: Answer
  /** Counts the server's answers; every id derives from it. */
  readonly number: number
}

export interface StreamEvent {
  /** For the `event:` line; null for none. */
  readonly event: string | null
  readonly data: unknown
}

/** The moment of every answer, so that recordings are the same each time. */
export const createdAt = 1_700_000_000
