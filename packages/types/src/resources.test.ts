import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineResourceKind, namedResourcesSchema, type ProxyLlm, resolveProxyLlm } from './resources.ts'

const proxy = (endpoint: string): ProxyLlm => ({
  resource_type: 'proxy_llm',
  endpoint,
  model: 'm',
  api_key: null,
  sampling_parameters: { temperature: 1 },
})

describe('resolveProxyLlm', () => {
  it.each([
    ['http://h:1/v1', 'http://h:1/rollout/ro-1/attempt/at-1/v1'],
    ['http://h:1/v1/', 'http://h:1/rollout/ro-1/attempt/at-1/v1'],
    ['http://h:1', 'http://h:1/rollout/ro-1/attempt/at-1'],
  ])('turns %s into %s', (endpoint, expected) => {
    const llm = resolveProxyLlm(proxy(endpoint), { rolloutId: 'ro-1', attemptId: 'at-1' })
    expect(llm).toEqual({ ...proxy(expected), resource_type: 'llm' })
  })

  it('encodes ids that are not plain', () => {
    const { endpoint } = resolveProxyLlm(proxy('http://h/v1'), { rolloutId: 'a/b', attemptId: 'c d' })
    expect(endpoint).toBe('http://h/rollout/a%2Fb/attempt/c%20d/v1')
  })
})

describe('namedResourcesSchema', () => {
  it('keeps custom kinds whole and fills in what an LLM may leave out', () => {
    const knobs = { resource_type: 'custom:knobs', depth: 3, nested: { a: [1] } }
    const llm = { resource_type: 'llm', endpoint: 'http://e', model: 'm' }
    expect(namedResourcesSchema.parse({ knobs, llm })).toEqual({ knobs, llm: { ...llm, api_key: null, sampling_parameters: {} } })
  })

  it.each([{}, { resource_type: 'gadget' }, { resource_type: 'custom:' }, { resource_type: 'llm', model: 'm' }])(
    'refuses %j',
    (resource) => {
      expect(namedResourcesSchema.safeParse({ it: resource }).success).toBe(false)
    },
  )
})

describe('defineResourceKind', () => {
  const knobs = defineResourceKind({ name: 'knobs', schema: z.strictObject({ depth: z.int().min(1) }) })

  it('creates and reads its own kind', () => {
    const resource = knobs.create({ depth: 2 })
    expect(resource).toEqual({ resource_type: 'custom:knobs', depth: 2 })
    expect(knobs.read({ search: resource }, 'search')).toEqual({ depth: 2 })
  })

  it('refuses fields that do not fit, a missing name and another kind', () => {
    expect(() => knobs.create({ depth: 0 })).toThrow(/custom:knobs/)
    expect(() => knobs.read({}, 'search')).toThrow(/none/)
    expect(() => knobs.read({ search: proxy('http://h') }, 'search')).toThrow(/search \(proxy_llm\)/)
    expect(() => defineResourceKind({ name: 'Not Plain', schema: z.object({}) })).toThrow(/lower-case/)
  })
})
