import { type JsonObject, jsonSourceOf, type JsonValue, keepJsonSource, type Rollout } from '@agl/types'

/*
 * Inputs and metadata whose numbers mean more than JavaScript's say (see `keepJsonSource`) are stored as the text that they came
 * as: an input with a space before it, which no text of ours begins with; metadata under a key beside it in the record.
 */

export function writeInputText(input: JsonValue): string {
  const source = jsonSourceOf(input)
  return source === undefined ? JSON.stringify(input) : ` ${source}`
}

export function readInputText(text: string): JsonValue {
  const input = JSON.parse(text) as JsonValue
  if (text.startsWith(' ') && typeof input === 'object' && input !== null) keepJsonSource(input, text.slice(1))
  return input
}

type StoredRecord = Rollout & { metadata_source?: string }

/** The record without its input. */
export function writeRecordText(rollout: Rollout): string {
  const source = jsonSourceOf(rollout.metadata)
  return JSON.stringify({ ...rollout, input: null, ...(source === undefined ? {} : { metadata_source: source }) })
}

/** A record that was read, without what lies beside it. */
export function readRecord(stored: StoredRecord): Rollout & { input: JsonValue } {
  const { metadata_source: source, ...rollout } = stored
  if (source !== undefined) keepJsonSource(rollout.metadata as JsonObject, source)
  return rollout
}
