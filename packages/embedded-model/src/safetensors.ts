import { AglError, errorMessage, parseOrThrow } from '@agl/types'
import { z } from 'zod'

/**
 * The safetensors format (github.com/huggingface/safetensors): 8 bytes with the length of the header, little-endian; the
 * header, a JSON object that gives type, shape and byte range of each tensor; the tensors behind each other, no gaps.
 */
export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: readonly Tensor[]
}

export interface Tensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** How values are stored. They are read into 32 bits either way. */
export type TensorType = 'F32' | 'BF16'

const widths: Readonly<Record<TensorType, number>> = Object.freeze({ F32: 4, BF16: 2 })
const lengthBytes = 8

const entrySchema = z.strictObject({
  dtype: z.enum(['F32', 'BF16']),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
})
const headerSchema = z.object({ __metadata__: z.record(z.string(), z.string()).optional() }).catchall(z.unknown())

export function encodeSafetensors(file: SafetensorsFile & { readonly type: TensorType }): Uint8Array {
  const width = widths[file.type]
  let end = 0
  const entries = file.tensors.map(({ name, shape, values }) => {
    const start = end
    end += values.length * width
    return [name, { dtype: file.type, shape, data_offsets: [start, end] }]
  })
  const text = JSON.stringify({ __metadata__: file.metadata, ...Object.fromEntries(entries) })
  const unpadded = new TextEncoder().encode(text)
  // Spaces at the end of the header align the tensors.
  const headerLength = Math.ceil(unpadded.length / lengthBytes) * lengthBytes
  const bytes = new Uint8Array(lengthBytes + headerLength + end).fill(0x20, lengthBytes, lengthBytes + headerLength)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(headerLength), true)
  bytes.set(unpadded, lengthBytes)

  let position = lengthBytes + headerLength
  for (const { values } of file.tensors) {
    for (const value of values) {
      if (file.type === 'F32') view.setFloat32(position, value, true)
      else view.setUint16(position, toBfloat16(value), true)
      position += width
    }
  }
  return bytes
}

/** @throws AglError `invalid_argument` for anything but a whole file whose tensors fill it exactly */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < lengthBytes) refuse(`expected at least ${lengthBytes} bytes, got ${bytes.length}.`)
  const headerLength = Number(view.getBigUint64(0, true))
  const dataStart = lengthBytes + headerLength
  if (dataStart > bytes.length)
    refuse(`its header should take ${headerLength} bytes, but only ${bytes.length - lengthBytes} follow.`)

  const { __metadata__: metadata = {}, ...rest } = parseHeader(bytes.subarray(lengthBytes, dataStart))
  const entries = Object.entries(rest)
    .map(([name, value]) => ({ name, ...parseOrThrow(entrySchema, value, `tensor ${name} of a safetensors file`) }))
    .sort((a, b) => a.data_offsets[0] - b.data_offsets[0])

  let end = 0
  const tensors = entries.map(({ name, dtype, shape, data_offsets: [from, to] }): Tensor => {
    const count = shape.reduce((product, length) => product * length, 1)
    const expected = end + count * widths[dtype]
    if (from !== end || to !== expected)
      refuse(`tensor ${name} should take bytes ${end} to ${expected}, but claims ${from} to ${to}.`)
    end = to
    if (dataStart + to > bytes.length)
      refuse(`it is cut off: tensor ${name} ends at byte ${dataStart + to}, the file at ${bytes.length}.`)
    return { name, shape, values: readValues(view, dataStart + from, count, dtype) }
  })
  if (dataStart + end !== bytes.length) refuse(`expected ${dataStart + end} bytes, got ${bytes.length}.`)
  return { metadata, tensors }
}

function parseHeader(bytes: Uint8Array): z.infer<typeof headerSchema> {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw refuse(`its header is not JSON: ${errorMessage(error)}`)
  }
  return parseOrThrow(headerSchema, header, 'header of a safetensors file')
}

function readValues(view: DataView, start: number, count: number, type: TensorType): Float32Array {
  const values = new Float32Array(count)
  const words = new Uint32Array(values.buffer)
  for (let i = 0; i < count; i++) {
    words[i] = type === 'F32' ? view.getUint32(start + 4 * i, true) : view.getUint16(start + 2 * i, true) << 16
  }
  return values
}

const float = new Float32Array(1)
const word = new Uint32Array(float.buffer)

/** The upper half of a float32, rounded to nearest, ties to even. Values are finite. */
function toBfloat16(value: number): number {
  float[0] = value
  const bits = word[0]!
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}

function refuse(problem: string): never {
  throw new AglError({ code: 'invalid_argument', message: `Not a valid safetensors file: ${problem}` })
}
