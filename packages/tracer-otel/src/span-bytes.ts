import type { Attributes, NewSpan } from '@agl/types'

/** About what a span weighs in memory: good to a factor of two, and cheap, which is what a bound on memory needs. */
export function spanBytes({ attributes, events, links, resource }: NewSpan): number {
  let bytes = 600 + attributeBytes(attributes) + attributeBytes(resource.attributes)
  for (const event of events) bytes += 100 + attributeBytes(event.attributes)
  for (const link of links) bytes += 300 + (link.attributes === null ? 0 : attributeBytes(link.attributes))
  return bytes
}

function attributeBytes(attributes: Attributes): number {
  let bytes = 0
  for (const key in attributes) {
    const value = attributes[key]!
    bytes += 40
    if (typeof value === 'string') bytes += value.length
    else if (Array.isArray(value))
      bytes += typeof value[0] === 'string' ? totalLength(value as readonly string[]) : 8 * value.length
  }
  return bytes
}

function totalLength(texts: readonly string[]): number {
  let bytes = 0
  for (const text of texts) bytes += 24 + text.length
  return bytes
}
