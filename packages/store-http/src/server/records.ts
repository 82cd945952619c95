import {
  type Attempt,
  type AttemptedRollout,
  jsonSourceOf,
  type NamedResources,
  type ResourcesUpdate,
  type Rollout,
  type Span,
  type Worker,
} from '@agl/types'
import { isAllowed, withoutSecrets } from './auth/index.ts'
import type { Call } from './route.ts'
import { JsonText } from '../wire/stringify.ts'

/*
 * Records on their way out. Clients of ours get them as they are; others get those of the reference, without what we add.
 */

type Speaker = Pick<Call, 'isOurs' | 'identity' | 'logger'>

export function toAttempt({ isOurs }: Speaker, attempt: Attempt): object {
  const { outcome: _, lease_expires: __, ...known } = attempt
  return withText(isOurs ? attempt : known, 'metadata')
}

/** What came as a text that JavaScript's numbers cannot say goes out as that text. */
function withText(record: object, field: string): object {
  const source = jsonSourceOf((record as Readonly<Record<string, unknown>>)[field])
  return source === undefined ? record : { ...record, [field]: new JsonText(source) }
}

export function toRollout(speaker: Speaker, rollout: Rollout | AttemptedRollout): unknown {
  return withText(withText(toKnownRollout(speaker, rollout), 'input'), 'metadata')
}

function toKnownRollout(speaker: Speaker, rollout: Rollout | AttemptedRollout): object {
  if (speaker.isOurs) return 'attempt' in rollout ? { ...rollout, attempt: toAttempt(speaker, rollout.attempt) } : rollout
  const {
    resources_version: _,
    priority: __,
    idempotency_key: ___,
    labels: ____,
    config,
    attempt,
    ...known
  } = rollout as AttemptedRollout
  const { retry_outcomes: _____, ...knownConfig } = config
  const reference = { ...known, config: knownConfig }
  return attempt === undefined ? reference : { ...reference, attempt: toAttempt(speaker, attempt) }
}

/** A rollout as its claim answers it: for clients of ours with the token that its agent may have. */
export function toClaimed(call: Pick<Call, 'isOurs' | 'identity' | 'logger' | 'mintToken'>, claimed: AttemptedRollout): unknown {
  const answer = toRollout(call, claimed) as object
  if (!call.isOurs || call.mintToken === null) return answer
  const { rollout_id: rolloutId, attempt } = claimed
  return { ...answer, attempt_token: call.mintToken({ rolloutId, attemptId: attempt.attempt_id }) }
}

/** A rollout where the reference answers one without its attempt. */
export function toPlainRollout(speaker: Speaker, rollout: Rollout): unknown {
  const { attempt: _, ...plain } = rollout as AttemptedRollout
  return toRollout(speaker, plain)
}

export function toWorker({ isOurs }: Speaker, worker: Worker): unknown {
  if (isOurs) return worker
  const { capacity: _, ...known } = worker
  return known
}

const referenceTypes: ReadonlySet<string> = new Set(['llm', 'proxy_llm', 'prompt_template'])

export function toResources(speaker: Speaker, update: ResourcesUpdate): unknown {
  const isOpen = isAllowed(speaker.identity, 'readSecrets')
  const open = isOpen ? update : withoutSecrets(update)
  const answered = isOpen ? withTexts : (whole: ResourcesUpdate): object => whole
  if (speaker.isOurs) return answered(open)
  const entries = Object.entries(open.resources)
  const known = entries.filter(([, resource]) => referenceTypes.has(resource.resource_type))
  if (known.length === entries.length) return answered(open)
  const left = entries.filter((entry) => !known.includes(entry)).map(([name, { resource_type: type }]) => `${name} (${type})`)
  speaker.logger.info('resources of kinds that the caller does not know are left out', {
    resourcesId: open.resources_id,
    leftOut: left.join(', '),
  })
  return answered({ ...open, resources: Object.fromEntries(known) as NamedResources })
}

/** The texts that numbers came as are whole: they may hold what {@link withoutSecrets} has left out of the values. */
function withTexts(update: ResourcesUpdate): object {
  const entries = Object.entries(update.resources)
  const answered = entries.map(([name, resource]) => [name, withText(resource, 'sampling_parameters')] as const)
  const isSame = answered.every(([, resource], index) => resource === entries[index]![1])
  return isSame ? update : { ...update, resources: Object.fromEntries(answered) }
}

export function toNullable<Item>(item: Item | null, convert: (item: Item) => unknown): unknown {
  return item === null ? null : convert(item)
}

/**
 * JSON has no word for some numbers that attributes may hold. Clients of ours read the tokens that Python writes; the Python
 * client reads a number or a text there, and breaks at a null.
 */
export function toSpan({ isOurs }: Speaker, span: Span): unknown {
  if (!hasOddNumber(span.attributes)) return span
  const toWord = (value: unknown): unknown => (isOdd(value) ? (isOurs ? new JsonText(wordOf(value)) : wordOf(value)) : value)
  const attributes = Object.entries(span.attributes).map(([key, value]) => [
    key,
    Array.isArray(value) && value.some(isOdd) ? value.map(isOurs ? toWord : String) : toWord(value),
  ])
  return { ...span, attributes: Object.fromEntries(attributes) as object }
}

function isOdd(value: unknown): boolean {
  return typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
}

function wordOf(value: unknown): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function hasOddNumber(attributes: Span['attributes']): boolean {
  for (const key in attributes) {
    const value = attributes[key]
    if (isOdd(value) || (Array.isArray(value) && typeof value[0] === 'number' && value.some(isOdd))) return true
  }
  return false
}
