import { AglError } from '../errors.ts'
import { spanAttributes, spanNames } from '../semantic-conventions.ts'
import type { Span } from '../span.ts'
import type { RewardOptions, RewardValue } from '../tracer.ts'
import { indexedGroups, toIndexedAttributes } from './attributes.ts'
import { linksToAttributes } from './links.ts'

/** One dimension of a reward. */
export interface RewardDimension {
  readonly name: string
  readonly value: number
}

/** What a reader needs of a span; without its name, rewards of agent-lightning 0.2 are not recognised. */
export type RewardBearer = Pick<Span, 'attributes'> & Partial<Pick<Span, 'name'>>

/** A reward as it was found. */
export interface FoundReward<Some> {
  readonly span: Some
  /** Of the primary dimension. */
  readonly value: number
  /** All dimensions, the primary one first. */
  readonly dimensions: readonly RewardDimension[]
}

/** What is wrong with a span that looks like a reward. */
export interface RewardProblem<Some> {
  readonly span: Some
  readonly reason: string
}

/** The name of a reward that has only one dimension. */
export const primaryReward = 'primary'

/**
 * The attributes of a reward span: the primary dimension first, the others in the order given.
 * @throws AglError `invalid_argument` for a value that is not finite, or several dimensions without a primary one
 */
export function rewardToAttributes(
  value: RewardValue,
  options: Pick<RewardOptions, 'primary' | 'links'> = {},
): Record<string, string | number> {
  const dimensions = toDimensions(value, options.primary)
  for (const { name, value } of dimensions) {
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new AglError({
        code: 'invalid_argument',
        message: `A reward must be a finite number; dimension "${name}" is ${String(value)}.`,
      })
    }
  }
  return {
    ...toIndexedAttributes<string | number>(
      spanAttributes.reward,
      dimensions.map(({ name, value }) => ({ name, value })),
    ),
    ...linksToAttributes(options.links ?? {}),
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

const rewardStart = `${spanAttributes.reward}.`
const agentOpsNames = [spanAttributes.agentOpsTaskOutput, spanAttributes.agentOpsEntityOutput] as const

/**
 * The dimensions of a reward span, primary first; empty for any other span. Reads `agentlightning.reward.{i}.*`, then the JSON
 * of AgentOps, then the one number of agent-lightning 0.2. Malformed dimensions are left out, and all of them when the primary one is
 * malformed; {@link findRewards} reports it.
 */
export function readRewardDimensions(span: RewardBearer, onProblem?: (reason: string) => void): readonly RewardDimension[] {
  if (hasRewardKey(span)) {
    const dimensions = readIndexed(span, onProblem)
    if (dimensions.length > 0) return dimensions
  }
  for (const name of agentOpsNames) {
    const output = span.attributes[name]
    const value = output === undefined ? null : readAgentOps(name, output, onProblem)
    if (value !== null) return [{ name: primaryReward, value }]
  }
  const legacy = span.attributes[spanAttributes.legacyReward]
  if (legacy === undefined || (span.name !== spanNames.annotation && span.name !== spanNames.reward)) return []
  const value = toFinite(legacy)
  if (value !== null) return [{ name: primaryReward, value }]
  onProblem?.(`its attribute "${spanAttributes.legacyReward}" is no finite number: ${JSON.stringify(legacy)}`)
  return []
}

/** Stores ask this of every span, and almost none has an attribute of this kind. */
function hasRewardKey({ attributes }: RewardBearer): boolean {
  for (const key in attributes) if (key.startsWith(rewardStart)) return true
  return false
}

function readIndexed({ attributes }: RewardBearer, onProblem?: (reason: string) => void): readonly RewardDimension[] {
  const groups = indexedGroups(attributes, spanAttributes.reward)
  if (groups.length === 0) onProblem?.(`its keys are not of the form ${spanAttributes.reward}.{i}.name and .value`)
  const dimensions: RewardDimension[] = []
  for (const [index, { name, value }] of groups.entries()) {
    if (typeof name === 'string' && Number.isFinite(value)) {
      dimensions.push({ name, value: value as number })
      continue
    }
    onProblem?.(
      typeof name === 'string' ? `dimension "${name}" is no finite number: ${JSON.stringify(value)}` : 'a dimension has no name',
    )
    // Nobody knows what the reward is without its primary dimension; another one in its place would be a wrong reward.
    if (index === 0) return []
  }
  return dimensions
}

/** Null for outputs that are no reward. */
function readAgentOps(name: string, output: unknown, onProblem?: (reason: string) => void): number | null {
  if (typeof output !== 'string') return null
  let parsed: unknown
  try {
    parsed = JSON.parse(output)
  } catch {
    return null
  }
  const { type, value } = (parsed ?? {}) as { readonly type?: unknown; readonly value?: unknown }
  // No value: a judge that found nothing to say, which is neither a reward nor a mistake.
  if (type !== 'reward' || value === null) return null
  const number = toFinite(value)
  if (number === null) onProblem?.(`the reward in its attribute "${name}" is no finite number: ${JSON.stringify(value)}`)
  return number
}

function toFinite(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** The primary value of a reward span; null for any other span. */
export function readReward(span: RewardBearer): number | null {
  return readRewardDimensions(span)[0]?.value ?? null
}

/** Whether a span carries a reward. */
export function isRewardSpan(span: RewardBearer): boolean {
  return readRewardDimensions(span).length > 0
}

/** The rewards among spans, in list order. What looks like one and cannot be read is reported, never fatal. */
export function findRewards<Some extends RewardBearer>(
  spans: readonly Some[],
  onProblem?: (problem: RewardProblem<Some>) => void,
): readonly FoundReward<Some>[] {
  const found: FoundReward<Some>[] = []
  for (const span of spans) {
    const dimensions = readRewardDimensions(span, onProblem && ((reason) => onProblem({ span, reason })))
    if (dimensions.length > 0) found.push({ span, value: dimensions[0]!.value, dimensions })
  }
  return found
}

/** The primary value of the last reward span in list order; null when there is none. */
export function findFinalReward(spans: readonly RewardBearer[]): number | null {
  for (let index = spans.length - 1; index >= 0; index--) {
    const value = readReward(spans[index]!)
    if (value !== null) return value
  }
  return null
}

/** The name that reward spans carry. */
export const rewardSpanName: string = spanNames.annotation
