import { join } from 'node:path'
import type { CustomResource } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineComponent } from './component.ts'
import { defaultRegistry } from './components/default-registry.ts'
import { resourceKind } from './components/kinds.ts'
import { testFolder } from './folder.test-support.ts'
import { readResources } from './read-resources.ts'

const yaml = `
main_llm:
  resource_type: llm
  endpoint: http://127.0.0.1:8000/v1
  model: tiny
  api_key: \${MODEL_KEY}
prompt:
  resource_type: prompt_template
  engine: f-string
  template: { file: prompts/clerk.txt }
limits: { resource_type: "custom:limits", steps: 3 }
`

describe('readResources', () => {
  it('reads named resources, with the texts of templates beside them as they are', async () => {
    const { write, path } = testFolder()
    const text = 'Be kind to {name}; ${NOT_A_REFERENCE}\n'
    write('prompts/clerk.txt', text)
    const file = write('resources.yaml', yaml)
    const files: string[] = []
    const resources = await readResources(file, { environment: { MODEL_KEY: 'sk' }, onFile: (read) => files.push(read) })
    expect(resources).toEqual({
      main_llm: {
        resource_type: 'llm',
        endpoint: 'http://127.0.0.1:8000/v1',
        model: 'tiny',
        api_key: 'sk',
        sampling_parameters: {},
      },
      prompt: { resource_type: 'prompt_template', engine: 'f-string', template: text },
      limits: { resource_type: 'custom:limits', steps: 3 },
    })
    expect(files).toEqual([file, join(path, 'prompts/clerk.txt')])
    const same = write(
      'resources.json',
      JSON.stringify(resources).replace('${', () => '$${'),
    )
    expect(await readResources(same)).toEqual(resources)
  })

  it('checks what a plugin has named', async () => {
    const limits = defineComponent({
      kind: resourceKind,
      name: 'custom:limits',
      summary: '',
      schema: z.strictObject({ steps: z.int().max(2) }),
      create: (fields): CustomResource => ({ resource_type: 'custom:limits', ...fields }),
    })
    const file = testFolder().write('resources.yaml', 'limits: { resource_type: "custom:limits", steps: 3 }')
    await expect(readResources(file, { registry: defaultRegistry.with(limits) })).rejects.toThrow('at limits.steps, in ')
    expect(await readResources(file, { registry: defaultRegistry })).toHaveProperty('limits')
  })

  it.each([
    ['a: { resource_type: llm, endpoint: x }', 'at a.model, in '],
    ['a: { resource_type: lmm }', 'expected "llm"'],
    ['a: { resource_type: llm, endpoint: x, model: m, api_key: 7 }', 'at a.api_key'],
    ['a: { resource_type: llm, endpoint: x, model: m, modle: m }', 'unknown key "modle"'],
    ['a: { resource_type: prompt_template, engine: jinja, template: { file: gone.txt } }', 'gone.txt cannot be read'],
    ['a: { resource_type: prompt_template, engine: jinja, template: { path: x } }', 'at a.template, in '],
    ['[]', 'Expected an object of named resources'],
    ['a: text', 'at a, in '],
    ['a: { resource_type: llm, endpoint: x, model: "${GONE}" }', 'at a.model, in '],
  ])('refuses %j', async (text, words) => {
    const file = testFolder().write('resources.yaml', text)
    await expect(readResources(file)).rejects.toThrow(words)
  })
})
