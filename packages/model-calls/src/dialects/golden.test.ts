import { readdirSync, readFileSync } from 'node:fs'
import { type Span, spanSchema } from '@agl/types'
import { expect, test } from 'vitest'
import type { ModelCall } from '../model-call.ts'
import { readModelCall } from '../read.ts'

/** Spans as libraries write them, and the model call of each, or null. */
interface Golden {
  /** Where the shape comes from: the library with its version, or a section of the contracts. */
  readonly source: string
  readonly spans: readonly Span[]
  readonly calls: readonly (ModelCall | null)[]
}

const folder = new URL('golden/', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.json'))

test.each(files)('%s', (file) => {
  const golden = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Golden
  expect(golden.source).not.toBe('')
  expect(golden.calls).toHaveLength(golden.spans.length)
  for (const span of golden.spans) spanSchema.parse(span)
  expect(golden.spans.map(readModelCall)).toEqual(golden.calls)
})
