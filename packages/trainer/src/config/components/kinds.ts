import {
  type Adapter,
  type Algorithm,
  implementing,
  type LightningStore,
  type LlmProxy,
  type Resource,
  resourceSchema,
  type Tracer,
} from '@agl/types'
import { type ComponentKind, defineKind } from '../component.ts'

export const storeKind: ComponentKind<LightningStore> = defineKind(
  'store',
  implementing<LightningStore>('a store', 'dequeueRollout', 'enqueueManyRollouts'),
)
export const tracerKind: ComponentKind<Tracer> = defineKind('tracer', implementing<Tracer>('a tracer', 'trace'))
export const adapterKind: ComponentKind<Adapter> = defineKind('adapter', implementing<Adapter>('an adapter', 'adapt'))
export const algorithmKind: ComponentKind<Algorithm> = defineKind(
  'algorithm',
  implementing<Algorithm>('an algorithm: wrap your function, as in algo("name", async (context) => result)', 'run'),
)
export const llmProxyKind: ComponentKind<LlmProxy> = defineKind(
  'llm-proxy',
  implementing<LlmProxy>('a gateway', 'start', 'putModels', 'asResource', 'close'),
)
/** What can be tuned; a plugin adds its `custom:*` kinds. */
export const resourceKind: ComponentKind<Resource> = defineKind('resource', resourceSchema)
