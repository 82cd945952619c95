import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { NamedResources } from '@agl/types'

/** Snapshots with more JSON than this are worth compressing, in bytes. */
export const compressionThresholdBytes = 16_384

/** Resources as they are held: small ones as text, large ones as deflated text. */
export interface PackedResources {
  readonly encoding: 'json' | 'deflate'
  readonly data: Uint8Array
  /** Bytes of the JSON text. */
  readonly jsonBytes: number
}

/** @param threshold in bytes; what is longer is compressed */
export function packResources(resources: NamedResources, threshold: number = compressionThresholdBytes): PackedResources {
  const json = Buffer.from(JSON.stringify(resources))
  if (json.length <= threshold) return { encoding: 'json', data: json, jsonBytes: json.length }
  return { encoding: 'deflate', data: deflateRawSync(json, { level: 1 }), jsonBytes: json.length }
}

/** The same resources, frozen at the top. */
export function unpackResources(packed: PackedResources): NamedResources {
  const json = packed.encoding === 'json' ? Buffer.from(packed.data) : inflateRawSync(packed.data)
  return Object.freeze(JSON.parse(json.toString()) as NamedResources)
}
