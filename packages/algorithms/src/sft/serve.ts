import { AglError, type AlgorithmContext, type LlmProxy, type ResourcesUpdate } from '@agl/types'
import type { ResolvedSftOptions } from './options.ts'

/** A version of the model that agents can be pointed at. */
export interface ServedVersion {
  readonly version: string
  /** Its name at the endpoint and in the gateway. */
  readonly model: string
  /** The snapshot that rollouts are pinned to. */
  readonly resources: ResourcesUpdate
}

/** Saves what the backend has learnt so far as a version, routes it, and stores the resources that name it. */
export type PublishVersion = (version: string) => Promise<ServedVersion>

/**
 * Every version keeps its place in the routing table, under its own name: a rollout pinned to an older snapshot goes on
 * with the version that the snapshot names.
 */
export function createPublisher<Task>(context: AlgorithmContext<Task>, options: ResolvedSftOptions<Task>): PublishVersion {
  const llmProxy = requireProxy(context)
  let resourcesId: string | null = null

  return async (version) => {
    const { model } = await options.backend.saveState({ version }, { signal: context.signal })
    await llmProxy.putModels([{ name: model, endpoint: options.endpoint, apiKey: options.apiKey, tokenIds: true }])
    const { samplingParameters } = options
    const named = {
      ...context.initialResources,
      [options.resourceName]: await llmProxy.asResource({ model, samplingParameters }),
    }
    const resources: ResourcesUpdate =
      resourcesId === null
        ? await context.store.addResources({ resources: named })
        : await context.store.updateResources({ resourcesId, resources: named })
    resourcesId = resources.resources_id
    return { version, model, resources }
  }
}

/** The first number of `{prefix}-{number}` that the backend has no version for: a backend may be trained again. */
export async function nextVersionNumber<Task>({ backend, versionPrefix }: ResolvedSftOptions<Task>): Promise<number> {
  const { versions } = await backend.describe()
  const numbers = versions.flatMap((version) => {
    const rest = version.startsWith(`${versionPrefix}-`) ? Number(version.slice(versionPrefix.length + 1)) : Number.NaN
    return Number.isInteger(rest) ? [rest] : []
  })
  return Math.max(-1, ...numbers) + 1
}

function requireProxy({ llmProxy }: Pick<AlgorithmContext, 'llmProxy'>): LlmProxy {
  if (llmProxy !== null) return llmProxy
  throw new AglError({
    code: 'invalid_argument',
    message: 'SFT learns from recorded model calls: give the trainer a gateway, llmProxy: createLlmProxy() of @agl/llm-proxy.',
  })
}
