import { AglError, type AttemptedRollout, type Emitter, type NamedResources, type Resource, resolveProxyLlm } from '@agl/types'
import type { AgentContext } from './agent.ts'

/** Builds what the agent sees from the claimed rollout and its resources. */
export function createAgentContext(parts: {
  readonly rollout: AttemptedRollout
  readonly resources: NamedResources
  readonly signal: AbortSignal
  readonly emit: Emitter
}): AgentContext {
  const { rollout, signal, emit } = parts
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
      return first(resources, 'llm')
    },
    get promptTemplate() {
      return first(resources, 'prompt_template')
    },
    rollout,
    signal,
    emit,
    seed: seedOf(rollout),
  }
}

type KnownKind = 'llm' | 'proxy_llm' | 'prompt_template'

function isKind<Kind extends KnownKind>(resource: Resource, kind: Kind): resource is Extract<Resource, { resource_type: Kind }> {
  return resource.resource_type === kind
}

function first<Kind extends KnownKind>(resources: NamedResources, kind: Kind): Extract<Resource, { resource_type: Kind }> {
  for (const resource of Object.values(resources)) {
    if (isKind(resource, kind)) return resource
  }
  const there = Object.entries(resources).map(([name, resource]) => `${name} (${resource.resource_type})`)
  throw new AglError({
    code: 'not_found',
    message:
      `The agent asks for a resource of type "${kind}", but this rollout has ${there.length === 0 ? 'no resources' : there.join(', ')}. ` +
      'Add one to the initial resources, or have the algorithm enqueue with a snapshot that holds one.',
  })
}

function seedOf(rollout: AttemptedRollout): number {
  const given = rollout.metadata?.['seed']
  if (typeof given === 'number' && Number.isInteger(given)) return given >>> 0
  // FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/).
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(rollout.rollout_id)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
