import {
  type Attempt,
  jsonSourceOf,
  type JsonValue,
  keepJsonSource,
  type Llm,
  type NamedResources,
  type Rollout,
} from '@agl/types'

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

/** The record without its input. */
export function writeRecordText(rollout: Rollout): string {
  return JSON.stringify({ ...rollout, input: null, ...sourceBeside('metadata', rollout.metadata) })
}

/** A rollout or an attempt that was read, without what lies beside it. */
export function readRecord<Record extends Rollout | Attempt>(stored: Record): Record {
  return withSource(stored, 'metadata')
}

export function writeAttemptText(attempt: Attempt): string {
  const beside = sourceBeside('metadata', attempt.metadata)
  return JSON.stringify(beside === null ? attempt : { ...attempt, ...beside })
}

export function writeResourcesText(resources: NamedResources): string {
  const entries = Object.entries(resources).map(([name, resource]) => [
    name,
    { ...resource, ...sourceBeside('sampling_parameters', (resource as Partial<Llm>).sampling_parameters) },
  ])
  return JSON.stringify(Object.fromEntries(entries))
}

export function readResourcesText(text: string): NamedResources {
  const entries = Object.entries(JSON.parse(text) as NamedResources)
  return Object.fromEntries(entries.map(([name, resource]) => [name, Object.freeze(withSource(resource, 'sampling_parameters'))]))
}

/** The text of a field as a field of its own; null when nobody has kept it. */
export function sourceBeside(field: string, value: unknown): object | null {
  const source = jsonSourceOf(value)
  return source === undefined ? null : { [`${field}_source`]: source }
}

/** A record with the text of a field that lies beside it put where it belongs. */
function withSource<Record extends object>(stored: Record, field: string): Record {
  const key = `${field}_source`
  if (!Object.hasOwn(stored, key)) return stored
  const { [key]: source, ...record } = stored as { readonly [name: string]: unknown }
  keepJsonSource(record[field] as object, source as string)
  return record as Record
}
