import { createPrompt } from '@agl/prompts'
import {
  type AglError,
  type AttemptedRollout,
  type Emitter,
  type LightningStore,
  type Logger,
  type NamedResources,
  type Resource,
  resolveProxyLlm,
} from '@agl/types'
import { type Agent, type AgentContext, missingResources } from './agent.ts'
import { awaitReward } from './agents/await-reward.ts'
import { infraError } from './agents/infra-error.ts'

/** Builds what the agent sees from the claimed rollout and its resources. */
export function createAgentContext(parts: {
  readonly rollout: AttemptedRollout
  readonly resources: NamedResources
  readonly signal: AbortSignal
  readonly emit: Emitter
  readonly store: LightningStore
  readonly logger: Logger
}): AgentContext {
  const { rollout, signal, emit, store, logger } = parts
  const ids = { rolloutId: rollout.rollout_id, attemptId: rollout.attempt.attempt_id }
  const resources: NamedResources = Object.fromEntries(
    Object.entries(parts.resources).map(([name, resource]) => [
      name,
      isKind(resource, 'proxy_llm') ? resolveProxyLlm(resource, ids) : resource,
    ]),
  )
  return {
    resources,
    get llm() {
      return first(resources, 'llm', logger)
    },
    get promptTemplate() {
      return createPrompt(first(resources, 'prompt_template', logger))
    },
    rollout,
    signal,
    emit,
    seed: seedOf(rollout),
    logger,
    waitForReward: (options = {}) => awaitReward(store, ids, options.signal ?? signal),
  }
}

/** @throws AglError `not_found`, an infrastructure error, when something that the agent needs is not there */
export function checkNeeds(agent: Pick<Agent<never>, 'needs'>, resources: NamedResources): void {
  const missing = missingResources(agent, resources)
  if (missing.length > 0) throw notThere(missing.map((kind) => `"${kind}"`).join(' and '), resources)
}

type KnownKind = 'llm' | 'proxy_llm' | 'prompt_template'

function isKind<Kind extends KnownKind>(resource: Resource, kind: Kind): resource is Extract<Resource, { resource_type: Kind }> {
  return resource.resource_type === kind
}

function first<Kind extends KnownKind>(
  resources: NamedResources,
  kind: Kind,
  logger: Logger,
): Extract<Resource, { resource_type: Kind }> {
  const found = Object.entries(resources).filter(([, resource]) => isKind(resource, kind))
  if (found.length > 1) warnOfSeveral(kind, Object.keys(Object.fromEntries(found)), logger)
  const resource = found[0]?.[1]
  if (resource !== undefined && isKind(resource, kind)) return resource
  throw notThere(`"${kind}"`, resources)
}

function notThere(kinds: string, resources: NamedResources): AglError {
  const there = Object.entries(resources).map(([name, resource]) => `${name} (${resource.resource_type})`)
  return infraError({
    code: 'not_found',
    message:
      `The agent asks for a resource of type ${kinds}, but this rollout has ${there.length === 0 ? 'no resources' : there.join(', ')}. ` +
      'Add one to the initial resources, or have the algorithm enqueue with a snapshot that holds one.',
  })
}

/** What each logger has been told: the same for every rollout would bury all else. */
const told = new WeakMap<Logger, Set<string>>()

function warnOfSeveral(kind: KnownKind, names: readonly string[], logger: Logger): void {
  const key = `${kind}: ${names.join()}`
  const before = told.get(logger) ?? new Set()
  if (before.has(key)) return
  told.set(logger, before.add(key))
  logger.warn(
    `There are several resources of type "${kind}"; the agent gets the first, and the others by name in \`resources\``,
    {
      names,
    },
  )
}

function seedOf(rollout: AttemptedRollout): number {
  const given = rollout.metadata?.['seed']
  if (typeof given === 'number' && Number.isInteger(given)) return given >>> 0
  // FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/).
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(rollout.rollout_id)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
