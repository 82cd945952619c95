import { describe, expect, it } from 'vitest'
import { linksToAttributes, queryLinkedSpans, readLinks, readTags, tagsToAttributes } from './links.ts'

const span = (span_id: string, attributes: Record<string, string | number>) => ({ trace_id: 't', span_id, attributes })

describe('links', () => {
  it('are read as they were written', () => {
    const attributes = linksToAttributes({ 'gen_ai.response.id': 'r-1', span_id: 's-1' })
    expect(attributes).toMatchObject({ 'agentlightning.link.0.key_match': 'gen_ai.response.id' })
    expect(readLinks({ attributes })).toEqual([
      { key: 'gen_ai.response.id', value: 'r-1' },
      { key: 'span_id', value: 's-1' },
    ])
  })

  it('leave malformed ones out', () => {
    expect(readLinks({ attributes: { 'agentlightning.link.0.key_match': 'x', 'agentlightning.links': 'y' } })).toEqual([])
  })

  it('find the spans that fulfil all of them, by attribute and by id', () => {
    const spans = [span('a', { id: 'r', n: 1 }), span('b', { id: 'r', n: 2 }), span('c', {})]
    const find = (links: Record<string, string>) =>
      queryLinkedSpans(spans, readLinks({ attributes: linksToAttributes(links) })).map(({ span_id }) => span_id)
    expect(find({ id: 'r' })).toEqual(['a', 'b'])
    expect(find({ id: 'r', n: '2' })).toEqual(['b'])
    expect(find({ span_id: 'c', trace_id: 't' })).toEqual(['c'])
    expect(find({ id: 'other' })).toEqual([])
    expect(find({})).toEqual([])
  })
})

it('tags are read in their order', () => {
  expect(readTags({ attributes: { ...tagsToAttributes(['grader', 'slow']), 'agentlightning.tagged': 'x' } })).toEqual([
    'grader',
    'slow',
  ])
  expect(readTags({ attributes: {} })).toEqual([])
})
