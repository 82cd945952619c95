import type { HookName, Hooks, Scorer } from '@agl/runner'
import {
  type Adapter,
  type Algorithm,
  implementing,
  isPlainObject,
  type LightningStore,
  type LlmProxy,
  type Resource,
  resourceSchema,
  type Tracer,
} from '@agl/types'
import { z } from 'zod'
import type { RunnerSettings } from '../../options.ts'
import type { ExecutionStrategy } from '../../strategy.ts'
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
export const strategyKind: ComponentKind<ExecutionStrategy> = defineKind(
  'strategy',
  implementing<ExecutionStrategy>('a strategy', 'execute'),
)
/** Settings of runners; what is in them the runner checks. */
export const runnerKind: ComponentKind<RunnerSettings> = defineKind(
  'runner',
  z.custom<RunnerSettings>((value) => isPlainObject(value) && !('type' in value), { error: 'expected settings of runners' }),
)

const hookNames: Readonly<Record<HookName, true>> = {
  onRolloutStart: true,
  onTraceStart: true,
  onTraceEnd: true,
  onRolloutEnd: true,
  onRolloutSettled: true,
}

export const hooksKind: ComponentKind<Hooks> = defineKind(
  'hooks',
  z.custom<Hooks>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      Object.keys(hookNames).some((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function'),
    { error: `expected an object with some of ${Object.keys(hookNames).join(', ')}` },
  ),
)
export const scorerKind: ComponentKind<Scorer> = defineKind('scorer', implementing<Scorer>('a scorer: { name, score }', 'score'))
