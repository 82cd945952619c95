import { AglError } from '../errors.ts'
import { spanAttributes, spanNames } from '../semantic-conventions.ts'
import type { Span } from '../span.ts'
import type { RewardOptions, RewardValue } from '../tracer.ts'
import { indexedGroups, toIndexedAttributes } from './attributes.ts'

/** One dimension of a reward. */
export interface RewardDimension {
  readonly name: string
  readonly value: number
}

/** What a reader needs of a span. */
type WithAttributes = Pick<Span, 'attributes'>

/** The name of a reward that has only one dimension. */
export const primaryReward = 'primary'

/**
 * The attributes of a reward span: the primary dimension first, the others in the order given.
 * @throws AglError `invalid_argument` for a value that is not finite, or several dimensions without a primary one
 */
export function rewardToAttributes(value: RewardValue, options: RewardOptions = {}): Record<string, string | number> {
  const dimensions = toDimensions(value, options.primary)
  for (const { name, value } of dimensions) {
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new AglError({
        code: 'invalid_argument',
        message: `A reward must be a finite number; dimension "${name}" is ${String(value)}.`,
      })
    }
  }
  const links = Object.entries(options.links ?? {}).map(([key, value]) => ({ key_match: key, value_match: value }))
  return {
    ...toIndexedAttributes<string | number>(
      spanAttributes.reward,
      dimensions.map(({ name, value }) => ({ name, value })),
    ),
    ...toIndexedAttributes(spanAttributes.link, links),
  }
}

function toDimensions(value: RewardValue, primary: string | undefined): readonly RewardDimension[] {
  if (typeof value !== 'object' || value === null) return [{ name: primary ?? primaryReward, value }]
  const names = Object.keys(value)
  const first = primary ?? (names.length === 1 ? names[0] : undefined)
  if (first === undefined || !names.includes(first)) {
    throw new AglError({
      code: 'invalid_argument',
      message: `A reward with named dimensions needs a primary one among them (${names.join(', ') || 'none'}); got ${primary ?? 'none'}.`,
    })
  }
  return [first, ...names.filter((name) => name !== first)].map((name) => ({ name, value: value[name]! }))
}

/** The dimensions of a reward span, primary first; empty for any other span. Malformed dimensions (no name, a value that is no finite number) are left out. */
export function readRewardDimensions(span: WithAttributes): readonly RewardDimension[] {
  return indexedGroups(span.attributes, spanAttributes.reward).flatMap(({ name, value }) =>
    typeof name === 'string' && Number.isFinite(value) ? [{ name, value: value as number }] : [],
  )
}

/** The primary value of a reward span; null for any other span. */
export function readReward(span: WithAttributes): number | null {
  return readRewardDimensions(span)[0]?.value ?? null
}

const rewardStart = `${spanAttributes.reward}.`

/** Whether a span carries a reward. */
export function isRewardSpan(span: WithAttributes): boolean {
  // Stores ask this of every span, and almost none has an attribute of this kind.
  for (const key in span.attributes) if (key.startsWith(rewardStart)) return readReward(span) !== null
  return false
}

/** The primary value of the last reward span in list order; null when there is none. */
export function findFinalReward(spans: readonly WithAttributes[]): number | null {
  const last = spans.findLast(isRewardSpan)
  return last === undefined ? null : readReward(last)
}

/** The name that reward spans carry. */
export const rewardSpanName: string = spanNames.annotation
