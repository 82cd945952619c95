import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDummyTracer, emitAnnotation, emitMessage, emitObject, emitReward, operation } from '@agl/tracer-otel'
import type { SpanCoreFields } from '@agl/types'
import {
  collectSpans,
  findFinalReward,
  readLinks,
  readMessage,
  readObject,
  readRewardDimensions,
  readTags,
  unflattenAttributes,
} from '@agl/types/spans'
import { beforeAll, describe, expect, it } from 'vitest'
import { jsonLines, preparePython, runPython } from './python-process.ts'

interface Line {
  readonly read?: Readonly<Record<string, unknown>>
  readonly final?: number
  readonly written?: SpanCoreFields
}

/** What both sides can hold, under the same names. */
const objects = ['text', 3, 0.5, true, new Uint8Array([0, 255]), { a: [1, null] }, [1, 'x'], null, Number.POSITIVE_INFINITY]

let lines: readonly Line[]
const tracer = createDummyTracer()

beforeAll(async () => {
  await preparePython()
  await tracer.run(async () => {
    await operation('search', async (scope) => scope.setOutput({ found: ['lamp', 'chair'], best: { price: 12 } }))
    emitReward(
      { quality: 1, speed: 2 },
      { primary: 'speed', links: { 'agentlightning.operation.name': 'search' }, tags: ['grader', 'slow'] },
    )
    emitMessage('hello')
    emitObject({ cart: [1, null] })
    emitObject(new Uint8Array([1, 2]))
    emitObject(false)
    emitAnnotation({ a: { b: [1, 2] } })
    emitReward(0)
  })
  const folder = mkdtempSync(join(tmpdir(), 'agl-emitters-'))
  const file = join(folder, 'spans.json')
  writeFileSync(file, JSON.stringify(tracer.spans))
  const finished = await runPython('emitters.py', [file])
  rmSync(folder, { recursive: true })
  if (finished.code !== 0) throw new Error(`emitters.py ended with ${finished.code}:\n${finished.stderr}`)
  lines = jsonLines(finished) as Line[]
}, 600_000)

describe('what TypeScript emits', () => {
  it('is read by the Python readers', () => {
    const empty = { rewards: [], message: null, object: null, tags: [], linked: [], output: {} }
    const [search] = tracer.spans
    expect(lines.flatMap(({ read }) => (read === undefined ? [] : [read]))).toEqual([
      { ...empty, name: 'agentlightning.operation', output: { found: ['lamp', 'chair'], best: { price: 12 } } },
      {
        ...empty,
        name: 'agentlightning.annotation',
        rewards: [
          { name: 'speed', value: 2 },
          { name: 'quality', value: 1 },
        ],
        tags: ['grader', 'slow'],
        linked: [search!.span_id],
      },
      { ...empty, name: 'agentlightning.message', message: 'hello' },
      { ...empty, name: 'agentlightning.object', object: { cart: [1, null] } },
      { ...empty, name: 'agentlightning.object', object: [1, 2] },
      { ...empty, name: 'agentlightning.object', object: false },
      { ...empty, name: 'agentlightning.annotation' },
      { ...empty, name: 'agentlightning.annotation', rewards: [{ name: 'primary', value: 0 }] },
    ])
    expect(lines.find(({ final }) => final !== undefined)?.final).toBe(0)
  })
})

describe('what Python emits', () => {
  const written = (): readonly SpanCoreFields[] => lines.flatMap(({ written: span }) => (span === undefined ? [] : [span]))

  it('is read by our readers', () => {
    const [reward, rewards, annotation, ...held] = written()
    expect(readRewardDimensions(reward!)).toEqual([{ name: 'primary', value: 0.5 }])
    expect(readRewardDimensions(rewards!)).toEqual([
      { name: 'quality', value: 1 },
      { name: 'speed', value: 2 },
    ])
    expect(findFinalReward(written())).toBe(1)
    expect(readLinks(rewards!)).toEqual([{ key: 'gen_ai.response.id', value: 'r-1' }])
    expect(readTags(rewards!)).toEqual(['grader'])
    expect(unflattenAttributes(annotation!.attributes)).toEqual({ step: { index: 1, labels: ['a', 'b'] }, list: [1, 'x'] })
    expect(readMessage(annotation!)).toBeNull()
    expect(held.map((span) => readObject(span))).toEqual(objects)
  })

  it('is what our emitters write of the same values', () => {
    const ours = collectSpans((emit) => {
      emit.reward(0.5)
      emit.reward({ speed: 2, quality: 1 }, { primary: 'quality', links: { 'gen_ai.response.id': 'r-1' }, tags: ['grader'] })
      emit.annotation({ step: { index: 1, labels: ['a', 'b'] }, list: [1, 'x'] })
      for (const value of objects) emit.object(value)
    })
    const shape = ({ name, attributes, status }: SpanCoreFields) => ({
      name,
      attributes: mended(attributes),
      status: status.status_code,
    })
    expect(ours.map(shape)).toEqual(written().map(shape))
  })
})

/** JSON is spelled with and without spaces. */
function mended(attributes: SpanCoreFields['attributes']): unknown {
  const { 'agentlightning.object.json': json, ...rest } = attributes
  return typeof json === 'string' ? { ...rest, json: JSON.parse(json) as unknown } : rest
}
