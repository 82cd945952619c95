import type { JsonObject, Llm, PromptTemplate, ProxyLlm, Resource } from '@agl/types'
import { z } from 'zod'
import { type Component, defineComponent } from '../component.ts'
import { field } from '../field.ts'
import { resourceKind } from './kinds.ts'

type Endpoint = Pick<Llm, 'endpoint' | 'model'> & Partial<Pick<Llm, 'api_key' | 'sampling_parameters'>>

const endpointSchema: z.ZodType<Endpoint> = z.strictObject({
  endpoint: z.string().meta({ description: 'base URL, usually ending in /v1' }),
  model: z.string().meta({ description: 'its name there' }),
  api_key: field(z.string().nullable().meta({ secret: true }), 'key for the endpoint', null),
  sampling_parameters: field(z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>, 'passed on by the agent', {}),
})

const promptSchema: z.ZodType<Omit<PromptTemplate, 'resource_type'>> = z.strictObject({
  template: z.string().meta({ description: 'the text' }),
  engine: z.enum(['jinja', 'f-string', 'poml']).meta({ description: 'what fills it in' }),
})

const filled = (options: Endpoint): Omit<ProxyLlm, 'resource_type'> => ({ api_key: null, sampling_parameters: {}, ...options })

export const resourceComponents: readonly Component<Resource>[] = Object.freeze([
  defineComponent({
    kind: resourceKind,
    name: 'llm',
    summary: 'a model endpoint that speaks the OpenAI API',
    schema: endpointSchema,
    create: (options) => ({ resource_type: 'llm' as const, ...filled(options) }),
  }),
  defineComponent({
    kind: resourceKind,
    name: 'proxy_llm',
    summary: 'a model behind the gateway',
    schema: endpointSchema,
    create: (options) => ({ resource_type: 'proxy_llm' as const, ...filled(options) }),
  }),
  defineComponent({
    kind: resourceKind,
    name: 'prompt_template',
    summary: 'a prompt with places to fill in',
    schema: promptSchema,
    create: (options) => ({ resource_type: 'prompt_template' as const, ...options }),
  }),
])
