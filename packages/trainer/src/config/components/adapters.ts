import type {
  LlmProxyTraceToTripletsOptions,
  TraceToMessagesOptions,
  TraceToTokenRowsOptions,
  TraceToTripletsOptions,
} from '@agl/algorithms'
import type { Adapter } from '@agl/types'
import { z } from 'zod'
import { type Component, defineComponent } from '../component.ts'
import { field } from '../field.ts'
import { loadPackage } from '../load-package.ts'
import { adapterKind } from './kinds.ts'

const calls = {
  agentMatch: field(z.string().nullable(), 'only calls of agents whose name this regular expression matches', null),
  callMatch: field(z.string().nullable(), 'only spans whose name this regular expression matches are calls', null),
  repairHierarchy: field(z.boolean(), 'whether spans that float at the top are hung where they ran', true),
  dedupe: field(z.boolean(), 'whether several records of one call count once', true),
}

const finalReward = field(z.number().nullable(), 'the reward of the last triplet, whatever the spans say', null)

const tripletFields = {
  ...calls,
  excludeCallsInReward: field(z.boolean(), 'whether calls below a reward (of a judge) are left out', true),
  rewardMatch: field(
    z.enum(['first_occurrence', 'first_sibling']).nullable(),
    'where rewards go that name no call',
    'first_occurrence',
  ),
  skipCallsWithoutTokenIds: field(z.boolean(), 'whether calls without token ids are left out', false),
  finalReward,
}

const tripletsSchema: z.ZodType<TraceToTripletsOptions> = z.strictObject(tripletFields)

const proxySchema: z.ZodType<LlmProxyTraceToTripletsOptions> = z.strictObject({
  callMatch: calls.callMatch,
  dedupe: calls.dedupe,
  finalReward,
})

const messagesSchema: z.ZodType<TraceToMessagesOptions> = z.strictObject({
  ...calls,
  excludeCallsInReward: field(z.boolean(), 'whether calls below a reward (of a judge) are left out', false),
  mergeConversations: field(z.boolean(), 'whether only the longest form of each conversation stays', false),
})

const tokenRowsSchema: z.ZodType<TraceToTokenRowsOptions> = z.strictObject({
  ...tripletFields,
  maxTokens: field(z.int().min(1).nullable(), 'rows are cut to this length', null),
})

const load = async () => loadPackage('@agl/algorithms', async () => import('@agl/algorithms'))

export const adapterComponents: readonly Component<Adapter>[] = Object.freeze([
  defineComponent({
    kind: adapterKind,
    name: 'triplets',
    summary: 'prompt, response and reward of each model call',
    schema: tripletsSchema,
    create: async (options) => (await load()).traceToTriplets(options),
  }),
  defineComponent({
    kind: adapterKind,
    name: 'llm-proxy-triplets',
    summary: 'the same by sequence alone, for traces of a gateway and of several machines',
    schema: proxySchema,
    create: async (options) => (await load()).llmProxyTraceToTriplets(options),
  }),
  defineComponent({
    kind: adapterKind,
    name: 'messages',
    summary: 'conversations, as files for fine-tuning hold them',
    schema: messagesSchema,
    create: async (options) => (await load()).traceToMessages(options),
  }),
  defineComponent({
    kind: adapterKind,
    name: 'token-rows',
    summary: 'rows of token ids with masks and log-probabilities',
    schema: tokenRowsSchema,
    create: async (options) => (await load()).traceToTokenRows(options),
  }),
])
