import { kernelBase64 } from './kernel.generated.ts'

/** A byte offset into the one memory of a network. */
export type Pointer = number

/** What `assembly/kernel.as.ts` exports; see there for what each one computes. Sizes and strides count elements, not bytes. */
export interface Kernel {
  matmul(
    a: Pointer,
    aRow: number,
    aColumn: number,
    b: Pointer,
    bRow: number,
    c: Pointer,
    cRow: number,
    rows: number,
    columns: number,
    inner: number,
    accumulate: boolean,
  ): void
  transpose(source: Pointer, target: Pointer, rows: number, columns: number, targetRow: number): void
  gather(table: Pointer, tokens: Pointer, count: number, width: number, output: Pointer): void
  scatterAdd(table: Pointer, tokens: Pointer, count: number, width: number, rows: Pointer): void
  normalize(input: Pointer, gain: Pointer, output: Pointer, inverse: Pointer, rows: number, width: number): void
  normalizeBackward(
    gradient: Pointer,
    input: Pointer,
    gain: Pointer,
    inverse: Pointer,
    gainGradient: Pointer,
    inputGradient: Pointer,
    rows: number,
    width: number,
  ): void
  rotate(
    rows: Pointer,
    rowStride: number,
    positions: Pointer,
    count: number,
    blocks: number,
    headWidth: number,
    cosines: Pointer,
    sines: Pointer,
    direction: 1 | -1,
  ): void
  attend(
    queries: Pointer,
    queryRow: number,
    count: number,
    position: number,
    keys: Pointer,
    keyRow: number,
    heads: number,
    headWidth: number,
    probabilities: Pointer,
    probabilityRow: number,
    output: Pointer,
  ): void
  attendBackward(
    rows: Pointer,
    gradient: Pointer,
    count: number,
    heads: number,
    headWidth: number,
    probabilities: Pointer,
    probabilityRow: number,
    outputGradient: Pointer,
    scratch: Pointer,
  ): void
  relu(values: Pointer, count: number): void
  reluBackward(values: Pointer, gradient: Pointer, count: number): void
  softmax(logits: Pointer, stride: number, columns: number, rows: number, scale: number, normalizers: Pointer): void
  adam(
    weights: Pointer,
    gradient: Pointer,
    first: Pointer,
    second: Pointer,
    count: number,
    learningRate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    correction1: number,
    correction2: number,
    decay: number,
    gradientScale: number,
  ): void
}

/** Part of the WebAssembly interface, which neither Node's types nor the ES library declare. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Memory: new (descriptor: { readonly initial: number; readonly maximum: number }) => { readonly buffer: ArrayBuffer }
  Instance: new (module: object, imports: object) => { readonly exports: unknown }
}

const bytesPerPage = 65_536
/** 32-bit WebAssembly addresses 4 GiB. */
const mostPages = 65_536

/** The kernel over a memory of its own, which never grows: growing would detach every view of it. */
export function createKernel(bytes: number): { readonly kernel: Kernel; readonly buffer: ArrayBuffer } {
  const pages = Math.ceil(bytes / bytesPerPage)
  if (pages > mostPages) {
    throw new Error(`the model needs ${Math.ceil(bytes / 2 ** 20)} MiB, WebAssembly has 4096: lower batchSize or contextLength`)
  }
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const module = new WebAssembly.Module(Buffer.from(kernelBase64, 'base64'))
  const instance = new WebAssembly.Instance(module, { env: { memory } })
  return { kernel: instance.exports as Kernel, buffer: memory.buffer }
}
