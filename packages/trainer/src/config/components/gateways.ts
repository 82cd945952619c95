import type { LlmProxyOptions } from '@agl/llm-proxy'
import type { LlmProxy } from '@agl/types'
import { z } from 'zod'
import { type Component, defineComponent } from '../component.ts'
import { field } from '../field.ts'
import { loadPackage } from '../load-package.ts'
import { llmProxyKind } from './kinds.ts'

const gatewaySchema: z.ZodType<LlmProxyOptions> = z.strictObject({
  host: field(z.string().min(1), 'the address to listen on', '127.0.0.1'),
  port: field(z.int().min(0).max(65_535), 'the port; 0 takes any free one', 0),
  models: field(
    z.array(
      z.strictObject({
        name: z.string().min(1),
        endpoint: z.url({ protocol: /^https?$/ }),
        model: z.string().min(1).exactOptional(),
        apiKey: z.string().nullable().meta({ secret: true }).exactOptional(),
        tokenIds: z.boolean().exactOptional(),
      }),
    ),
    'the models behind it: { name, endpoint, model, apiKey, tokenIds }',
    [],
  ),
  maxBodyBytes: field(z.int().min(1024), 'largest request', 33_554_432),
  upstreamTimeoutMs: field(z.number().positive(), 'longest time of one call to a model', 300_000),
})

export const gatewayComponents: readonly Component<LlmProxy>[] = Object.freeze([
  defineComponent({
    kind: llmProxyKind,
    name: 'gateway',
    summary: 'attributes and records model calls',
    schema: gatewaySchema,
    async create(options, { logger }) {
      const { createLlmProxy } = await loadPackage('@agl/llm-proxy', async () => import('@agl/llm-proxy'))
      return createLlmProxy({ ...(logger === undefined ? {} : { logger }), ...options })
    },
  }),
])
