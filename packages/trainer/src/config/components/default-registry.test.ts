import {
  baselineDefaults,
  llmProxyTraceToTripletsDefaults,
  sftDefaults,
  traceToMessagesDefaults,
  traceToTokenRowsDefaults,
  traceToTripletsDefaults,
} from '@agl/algorithms'
import { llmProxyDefaults } from '@agl/llm-proxy'
import { storeClientDefaults } from '@agl/store-http/client'
import { createStoreServer } from '@agl/store-http/server'
import { runnerDefaults } from '@agl/runner'
import { createMemoryStore, memoryStoreDefaults } from '@agl/store-memory'
import { redisStoreDefaults } from '@agl/store-redis'
import { sqliteStoreDefaults } from '@agl/store-sqlite'
import { otelTracerDefaults } from '@agl/tracer-otel'
import { jsonOffender, resourceSchema } from '@agl/types'
import { describe, expect, it, onTestFinished } from 'vitest'
import { childDefaults } from '../../strategies/child-options.ts'
import { csDefaults } from '../../strategies/cs-options.ts'
import type { Component } from '../component.ts'
import { shapeOf } from '../shape.ts'
import { defaultRegistry } from './default-registry.ts'
import { adapterKind, algorithmKind, llmProxyKind, resourceKind, storeKind, strategyKind, tracerKind } from './kinds.ts'
import { runnerSettingsSchema } from './runners.ts'

/** What no file can hold. */
const forCode = new Set(['logger', 'metrics', 'resourceKinds', 'exporters'])

const documented: readonly (readonly [Pick<Component, 'name' | 'schema'>, object])[] = [
  [defaultRegistry.find(storeKind, 'memory'), memoryStoreDefaults],
  [defaultRegistry.find(storeKind, 'sqlite'), sqliteStoreDefaults],
  [defaultRegistry.find(storeKind, 'redis'), redisStoreDefaults],
  [defaultRegistry.find(storeKind, 'http'), storeClientDefaults],
  [defaultRegistry.find(tracerKind, 'otel'), otelTracerDefaults],
  [defaultRegistry.find(adapterKind, 'triplets'), traceToTripletsDefaults],
  [defaultRegistry.find(adapterKind, 'llm-proxy-triplets'), llmProxyTraceToTripletsDefaults],
  [defaultRegistry.find(adapterKind, 'messages'), traceToMessagesDefaults],
  [defaultRegistry.find(adapterKind, 'token-rows'), traceToTokenRowsDefaults],
  [defaultRegistry.find(algorithmKind, 'sft'), sftDefaults],
  [defaultRegistry.find(algorithmKind, 'baseline'), baselineDefaults],
  [defaultRegistry.find(llmProxyKind, 'gateway'), llmProxyDefaults],
  [{ name: 'runners', schema: runnerSettingsSchema }, runnerDefaults],
  [defaultRegistry.find(strategyKind, 'ipc'), childDefaults],
  [defaultRegistry.find(strategyKind, 'cs'), { ...childDefaults, ...csDefaults }],
]

describe('defaultRegistry', () => {
  it.each(documented.map(([component, defaults]) => [component.name, component, defaults] as const))(
    '%s has every option of its package, with the default that this has',
    (_name, { schema }, defaults) => {
      const { fields } = shapeOf(schema)
      const given = Object.entries(defaults).filter(([key]) => !forCode.has(key))
      expect([...fields.keys()]).toEqual(expect.arrayContaining(given.map(([key]) => key)))
      const nested = new Set(['retention', 'retry'])
      for (const [key, value] of given) {
        expect(jsonOffender(value)).toBeNull()
        const shown = nested.has(key)
          ? Object.fromEntries([...fields.get(key)!.fields].map(([inner, shape]) => [inner, shape.default]))
          : fields.get(key)!.default
        // A store bounds its bytes by what it is.
        expect({ key, shown }).toEqual({ key, shown: key === 'retention' ? { ...value, maxBytes: undefined } : value })
        expect(
          schema
            .safeParse({ endpoint: 'http://h/v1', file: 'x', [key]: value })
            .error?.issues.filter(({ path }) => path[0] === key) ?? [],
        ).toEqual([])
      }
    },
  )

  it('makes every store, tracer, adapter and gateway, with options that reach its package', async () => {
    const served = createMemoryStore()
    onTestFinished(() => served.close())
    const server = createStoreServer({ store: served, port: 0 })
    onTestFinished(() => server.close())
    const { url } = await server.start()
    const specs = {
      memory: { unpackedBytes: 0, retention: { maxRollouts: 3 } },
      sqlite: { file: ':memory:' },
      redis: { url: 'redis://127.0.0.1:1', namespace: 'x' },
      http: { url, token: 't' },
    }
    for (const [type, options] of Object.entries(specs)) {
      const store = await defaultRegistry.create(storeKind, { type, ...options })
      onTestFinished(() => store.close())
      expect(store).toHaveProperty('enqueueManyRollouts')
      await expect(defaultRegistry.create(storeKind, { type, ...options, unknown: 1 })).rejects.toThrow('unknown')
    }
    await expect(defaultRegistry.create(storeKind, { type: 'redis', url: 'http://h' })).rejects.toThrow('createRedisStore')
    for (const name of defaultRegistry.names(adapterKind)) {
      expect(await (await defaultRegistry.create(adapterKind, name)).adapt([])).toEqual([])
    }
    for (const type of ['direct', 'dummy']) expect(await defaultRegistry.create(tracerKind, type)).toHaveProperty('trace')
    expect(await defaultRegistry.create(tracerKind, { type: 'otel', registerGlobally: false })).toHaveProperty('trace')
    expect(await defaultRegistry.create(llmProxyKind, { type: 'gateway', port: 0 })).toHaveProperty('start')
  })

  it('tells what SFT needs that no file can hold', async () => {
    const spec = { type: 'sft', endpoint: 'http://127.0.0.1:1/v1' }
    await expect(defaultRegistry.create(algorithmKind, spec)).rejects.toThrow('needs a training backend')
    const backend = Object.fromEntries(
      ['forwardBackward', 'optimStep', 'sample', 'saveState', 'loadState'].map((verb) => [verb, () => {}]),
    )
    const algorithm = await defaultRegistry.create(algorithmKind, spec, { backend: backend as never })
    expect(algorithm).toHaveProperty('run')
  })

  it('makes resources as records', async () => {
    const specs = [
      { type: 'llm', endpoint: 'http://h/v1', model: 'm' },
      { type: 'proxy_llm', endpoint: 'http://h/v1', model: 'm', sampling_parameters: { temperature: 0 } },
      { type: 'prompt_template', template: 'x', engine: 'f-string' },
    ]
    for (const spec of specs) {
      const resource = await defaultRegistry.create(resourceKind, spec)
      expect(resourceSchema.parse(resource)).toEqual(resource)
      expect(resource.resource_type).toBe(spec.type)
    }
  })
})
