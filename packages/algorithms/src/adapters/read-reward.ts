import { type Span, spanAttributes, spanNames } from '@agl/types'
import { indexedGroups, primaryReward, readRewardDimensions, type RewardDimension } from '@agl/types/spans'

/** What a span says of a reward. */
export interface RewardSpan {
  /** The primary one first; empty when the span holds no reward that can be read. */
  readonly dimensions: readonly RewardDimension[]
  /** What is wrong with it; null when nothing is. */
  readonly problem: string | null
}

const none: RewardSpan = Object.freeze({ dimensions: Object.freeze([]), problem: null })
const prefix = `${spanAttributes.reward}.`
const outputs = ['agentops.task.output', 'agentops.entity.output']

/** The reward of a span, in today's form and in those of AgentOps and of agent-lightning 0.2. */
export function readRewardSpan({ name, attributes }: Pick<Span, 'name' | 'attributes'>): RewardSpan {
  for (const key in attributes) {
    if (!key.startsWith(prefix)) continue
    const dimensions = readRewardDimensions({ attributes })
    const isWhole = dimensions.length > 0 && dimensions.length === indexedGroups(attributes, spanAttributes.reward).length
    return { dimensions, problem: isWhole ? null : `Each dimension needs ${prefix}{i}.name, a text, and .value, a finite number` }
  }
  for (const key of outputs) {
    const value = readOutput(attributes[key])
    if (value !== undefined) return toReward(value, `${key} says it is a reward, so its value must be a finite number`)
  }
  if (name === spanNames.annotation || name === spanNames.reward) {
    const value = attributes['reward']
    if (value !== undefined) return toReward(value, 'The attribute "reward" must be a finite number')
  }
  return none
}

/** The value of `{ "type": "reward", "value": … }`; undefined for anything else. */
function readOutput(output: unknown): unknown {
  if (typeof output !== 'string' || !output.includes('reward')) return undefined
  try {
    const parsed: unknown = JSON.parse(output)
    if (typeof parsed !== 'object' || parsed === null || !('type' in parsed) || parsed.type !== 'reward') return undefined
    return 'value' in parsed ? parsed.value : null
  } catch {
    return undefined
  }
}

function toReward(value: unknown, problem: string): RewardSpan {
  // A judge that found nothing to say: neither a reward nor a mistake.
  if (value === null) return none
  return Number.isFinite(value)
    ? { dimensions: [{ name: primaryReward, value: value as number }], problem: null }
    : { dimensions: [], problem }
}
