import type { ResourcesUpdate } from '@agl/types'
import { expect, it } from 'vitest'
import { withoutSecrets } from './without-secrets.ts'

const llm = {
  resource_type: 'llm',
  endpoint: 'https://models.example/v1',
  model: 'm',
  api_key: 'sk-secret',
  sampling_parameters: { temperature: 1, extra_body: { api_key: 'sk-secret', top_k: 5 } },
} as const
const update: ResourcesUpdate = {
  resources_id: 'rs-1',
  create_time: 1,
  update_time: 2,
  version: 3,
  resources: {
    policy: llm,
    gateway: { ...llm, resource_type: 'proxy_llm' },
    api_key: { resource_type: 'prompt_template', template: 'Hello {name}', engine: 'f-string' },
    judge: {
      resource_type: 'custom:judge',
      panel: [{ name: 'a', api_key: 'sk-secret' }, { name: 'b' }],
      api_key: { value: 'sk-secret' },
    },
    ['__proto__']: { resource_type: 'custom:odd', api_key: 'sk-secret' },
  },
}
const clean = {
  ...llm,
  api_key: null,
  sampling_parameters: { temperature: 1, extra_body: { api_key: null, top_k: 5 } },
}

it('nulls every api_key, however deep, and keeps the rest', () => {
  const before = JSON.stringify(update)
  expect(withoutSecrets(update)).toEqual({
    ...update,
    resources: {
      policy: clean,
      gateway: { ...clean, resource_type: 'proxy_llm' },
      api_key: update.resources['api_key'],
      judge: { resource_type: 'custom:judge', panel: [{ name: 'a', api_key: null }, { name: 'b' }], api_key: null },
      ['__proto__']: { resource_type: 'custom:odd', api_key: null },
    },
  })
  expect(JSON.stringify(update)).toBe(before)
})

it('works on pages and lists of records, and on null', () => {
  const page = { items: [update], total: 1, offset: 0, limit: 10 }
  expect(JSON.stringify(withoutSecrets(page))).not.toContain('sk-secret')
  expect(JSON.stringify(withoutSecrets([update, null]))).not.toContain('sk-secret')
  expect(withoutSecrets(null)).toBeNull()
})

it('shares what holds no secret', () => {
  const template = update.resources['api_key']
  expect(withoutSecrets(update).resources['api_key']).toBe(template)
  const harmless = { resources: { template }, list: [1, { a: null }] }
  expect(withoutSecrets(harmless)).toBe(harmless)
})
