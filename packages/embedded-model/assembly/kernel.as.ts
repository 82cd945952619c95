// The arithmetic of the transformer, in AssemblyScript with 128-bit SIMD.
//
// Pointers are byte offsets; sizes and strides count elements; matrices are float32, row after row.
// Two invariants that the rest of the package builds on:
// 1. A row of a result comes from the same operations in the same order whatever rows stand beside it, so a batch
//    cannot change what one of its members gets, and sampling and training agree to the last bit.
// 2. Only IEEE additions, multiplications, divisions and square roots (no relaxed SIMD, no fused multiply-add), so every
//    machine computes the same bits.

/** Depth of one block of a matrix product: 256 rows of an 8-column panel fill half of a 32 KiB first-level cache. */
const BLOCK: usize = 256
const MINUS_INFINITY: f32 = -Infinity

/**
 * C (+)= A · B, with A [rows × inner], B [inner × columns], C [rows × columns]; `columns` is a multiple of 8.
 * A(i, k) lies at `a + i·aRow + k·aColumn`, so a transposed A costs nothing.
 */
export function matmul(
  a: usize, aRow: usize, aColumn: usize,
  b: usize, bRow: usize,
  c: usize, cRow: usize,
  rows: usize, columns: usize, inner: usize, accumulate: bool,
): void {
  const aRowBytes = aRow << 2, aStep = aColumn << 2, bStep = bRow << 2, cRowBytes = cRow << 2
  for (let start: usize = 0; start < inner; start += BLOCK) {
    const depth = min(BLOCK, inner - start)
    const keep = accumulate || start > 0
    const aBlock = a + start * aStep
    const bBlock = b + start * bStep
    let i: usize = 0
    for (; i + 4 <= rows; i += 4) {
      for (let j: usize = 0; j < columns; j += 8) {
        fourRows(aBlock + i * aRowBytes, aRowBytes, aStep, bBlock + (j << 2), bStep, c + i * cRowBytes + (j << 2), cRowBytes, depth, keep)
      }
    }
    for (; i < rows; i++) {
      for (let j: usize = 0; j < columns; j += 8) {
        oneRow(aBlock + i * aRowBytes, aStep, bBlock + (j << 2), bStep, c + i * cRowBytes + (j << 2), depth, keep)
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function fourRows(a0: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, c0: usize, cRow: usize, depth: usize, keep: bool): void {
  const c1 = c0 + cRow, c2 = c1 + cRow, c3 = c2 + cRow
  let a1 = a0 + aRow, a2 = a1 + aRow, a3 = a2 + aRow
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
  if (keep) {
    s00 = v128.load(c0); s01 = v128.load(c0, 16)
    s10 = v128.load(c1); s11 = v128.load(c1, 16)
    s20 = v128.load(c2); s21 = v128.load(c2, 16)
    s30 = v128.load(c3); s31 = v128.load(c3, 16)
  }
  for (let k: usize = 0; k < depth; k++) {
    const b0 = v128.load(b), b1 = v128.load(b, 16)
    let x = v128.load32_splat(a0)
    s00 = f32x4.add(s00, f32x4.mul(x, b0)); s01 = f32x4.add(s01, f32x4.mul(x, b1))
    x = v128.load32_splat(a1)
    s10 = f32x4.add(s10, f32x4.mul(x, b0)); s11 = f32x4.add(s11, f32x4.mul(x, b1))
    x = v128.load32_splat(a2)
    s20 = f32x4.add(s20, f32x4.mul(x, b0)); s21 = f32x4.add(s21, f32x4.mul(x, b1))
    x = v128.load32_splat(a3)
    s30 = f32x4.add(s30, f32x4.mul(x, b0)); s31 = f32x4.add(s31, f32x4.mul(x, b1))
    a0 += aStep; a1 += aStep; a2 += aStep; a3 += aStep; b += bStep
  }
  v128.store(c0, s00); v128.store(c0, s01, 16)
  v128.store(c1, s10); v128.store(c1, s11, 16)
  v128.store(c2, s20); v128.store(c2, s21, 16)
  v128.store(c3, s30); v128.store(c3, s31, 16)
}

// @ts-ignore: decorator
@inline
function oneRow(a: usize, aStep: usize, b: usize, bStep: usize, c: usize, depth: usize, keep: bool): void {
  let s0 = f32x4.splat(0), s1 = s0
  if (keep) { s0 = v128.load(c); s1 = v128.load(c, 16) }
  for (let k: usize = 0; k < depth; k++) {
    const x = v128.load32_splat(a)
    s0 = f32x4.add(s0, f32x4.mul(x, v128.load(b)))
    s1 = f32x4.add(s1, f32x4.mul(x, v128.load(b, 16)))
    a += aStep; b += bStep
  }
  v128.store(c, s0); v128.store(c, s1, 16)
}

/** target [columns × targetRow] = source [rows × columns] transposed. */
export function transpose(source: usize, target: usize, rows: usize, columns: usize, targetRow: usize): void {
  for (let i: usize = 0; i < rows; i++) {
    let to = target + (i << 2)
    for (let j: usize = 0; j < columns; j++, source += 4, to += targetRow << 2) store<f32>(to, load<f32>(source))
  }
}

/** output[i] = table[tokens[i]]. */
export function gather(table: usize, tokens: usize, count: usize, width: usize, output: usize): void {
  const bytes = width << 2
  for (let i: usize = 0; i < count; i++) memory.copy(output + i * bytes, table + <usize>load<u32>(tokens + (i << 2)) * bytes, bytes)
}

/** table[tokens[i]] += rows[i]. */
export function scatterAdd(table: usize, tokens: usize, count: usize, width: usize, rows: usize): void {
  const bytes = width << 2
  for (let i: usize = 0; i < count; i++) addScaled(table + <usize>load<u32>(tokens + (i << 2)) * bytes, rows + i * bytes, width, 1)
}

/** RMSNorm (Zhang and Sennrich, 2019): output = input / rms(input) · gain; keeps 1 / rms of every row. */
export function normalize(input: usize, gain: usize, output: usize, inverse: usize, rows: usize, width: usize): void {
  const bytes = width << 2
  for (let i: usize = 0; i < rows; i++, input += bytes, output += bytes, inverse += 4) {
    const r = <f32>1 / sqrt<f32>(dot(input, input, width) / <f32>width + <f32>1e-5)
    store<f32>(inverse, r)
    const scale = f32x4.splat(r)
    for (let j: usize = 0; j < bytes; j += 16) {
      v128.store(output + j, f32x4.mul(f32x4.mul(v128.load(input + j), scale), v128.load(gain + j)))
    }
  }
}

/** Adds to the gradients of the gain and of the input. */
export function normalizeBackward(
  gradient: usize, input: usize, gain: usize, inverse: usize,
  gainGradient: usize, inputGradient: usize, rows: usize, width: usize,
): void {
  const bytes = width << 2
  for (let i: usize = 0; i < rows; i++, gradient += bytes, input += bytes, inputGradient += bytes, inverse += 4) {
    const r = load<f32>(inverse)
    const scale = f32x4.splat(r)
    let sum = f32x4.splat(0)
    for (let j: usize = 0; j < bytes; j += 16) {
      const product = f32x4.mul(v128.load(gradient + j), f32x4.mul(v128.load(input + j), scale))
      v128.store(gainGradient + j, f32x4.add(v128.load(gainGradient + j), product))
      sum = f32x4.add(sum, f32x4.mul(product, v128.load(gain + j)))
    }
    const mean = f32x4.splat(total(sum) / <f32>width * r)
    for (let j: usize = 0; j < bytes; j += 16) {
      const direct = f32x4.mul(v128.load(gradient + j), v128.load(gain + j))
      const change = f32x4.mul(scale, f32x4.sub(direct, f32x4.mul(v128.load(input + j), mean)))
      v128.store(inputGradient + j, f32x4.add(v128.load(inputGradient + j), change))
    }
  }
}

/**
 * Rotary position embedding (Su et al., 2021) of the first `blocks` blocks of `headWidth` in each row, in place; lane i
 * turns with lane i + headWidth/2. `direction` −1 turns back, which is also the gradient.
 */
export function rotate(
  rows: usize, rowStride: usize, positions: usize, count: usize,
  blocks: usize, headWidth: usize, cosines: usize, sines: usize, direction: f32,
): void {
  const half: usize = headWidth << 1
  const sign = f32x4.splat(direction)
  for (let i: usize = 0; i < count; i++, rows += rowStride << 2, positions += 4) {
    const angle = <usize>load<u32>(positions) * half
    for (let block: usize = 0; block < blocks; block++) {
      const first = rows + block * (half << 1), second = first + half
      for (let j: usize = 0; j < half; j += 16) {
        const c = v128.load(cosines + angle + j), s = f32x4.mul(v128.load(sines + angle + j), sign)
        const x = v128.load(first + j), y = v128.load(second + j)
        v128.store(first + j, f32x4.sub(f32x4.mul(x, c), f32x4.mul(y, s)))
        v128.store(second + j, f32x4.add(f32x4.mul(x, s), f32x4.mul(y, c)))
      }
    }
  }
}

/**
 * Causal attention of `count` successive queries, the first at position `position`. Keys of the whole sequence start at
 * `keys` and repeat every `keyRow`; the value of a key lies `heads · headWidth` behind it. Keeps the probabilities,
 * `probabilityRow` per query and head.
 */
export function attend(
  queries: usize, queryRow: usize, count: usize, position: usize,
  keys: usize, keyRow: usize, heads: usize, headWidth: usize,
  probabilities: usize, probabilityRow: usize, output: usize,
): void {
  const headBytes = headWidth << 2, width = heads * headBytes, keyStep = keyRow << 2
  const scale = <f32>1 / sqrt<f32>(<f32>headWidth)
  for (let t: usize = position; t < position + count; t++, queries += queryRow << 2) {
    for (let head: usize = 0; head < heads; head++, probabilities += probabilityRow << 2, output += headBytes) {
      const query = queries + head * headBytes
      const firstKey = keys + head * headBytes
      for (let j: usize = 0; j <= t; j++) store<f32>(probabilities + (j << 2), dot(query, firstKey + j * keyStep, headWidth))
      softmaxRow(probabilities, t + 1, scale)
      for (let lane: usize = 0; lane < headBytes; lane += 16) {
        let value = firstKey + width + lane
        let sum = f32x4.splat(0)
        for (let j: usize = 0; j <= t; j++, value += keyStep) {
          sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(probabilities + (j << 2)), v128.load(value)))
        }
        v128.store(output + lane, sum)
      }
    }
  }
}

/** Gradient of `attend` over one whole sequence whose rows hold query, key and value; adds to `gradient`, laid out alike. */
export function attendBackward(
  rows: usize, gradient: usize, count: usize, heads: usize, headWidth: usize,
  probabilities: usize, probabilityRow: usize, outputGradient: usize, scratch: usize,
): void {
  const headBytes = headWidth << 2, width = heads * headBytes, rowBytes = 3 * width
  const scale = <f32>1 / sqrt<f32>(<f32>headWidth)
  for (let t: usize = 0; t < count; t++) {
    for (let head: usize = 0; head < heads; head++, probabilities += probabilityRow << 2, outputGradient += headBytes) {
      const query = head * headBytes, key = query + width, value = key + width
      let mean: f32 = 0
      for (let j: usize = 0; j <= t; j++) {
        const g = dot(outputGradient, rows + j * rowBytes + value, headWidth)
        store<f32>(scratch + (j << 2), g)
        mean += g * load<f32>(probabilities + (j << 2))
      }
      for (let j: usize = 0; j <= t; j++) {
        const p = load<f32>(probabilities + (j << 2))
        const g = p * (load<f32>(scratch + (j << 2)) - mean) * scale
        const row = j * rowBytes
        addScaled(gradient + t * rowBytes + query, rows + row + key, headWidth, g)
        addScaled(gradient + row + key, rows + t * rowBytes + query, headWidth, g)
        addScaled(gradient + row + value, outputGradient, headWidth, p)
      }
    }
  }
}

/** values = max(values, 0). */
export function relu(values: usize, count: usize): void {
  const zero = f32x4.splat(0)
  for (let end = values + (count << 2); values < end; values += 16) v128.store(values, f32x4.max(v128.load(values), zero))
}

/** gradient = 0 where relu gave 0. */
export function reluBackward(values: usize, gradient: usize, count: usize): void {
  const zero = f32x4.splat(0)
  for (let end = values + (count << 2); values < end; values += 16, gradient += 16) {
    v128.store(gradient, v128.and(v128.load(gradient), f32x4.gt(v128.load(values), zero)))
  }
}

/**
 * logits → probabilities of `scale · logits`, in place, every `stride`; for each row, `normalizers` gets the greatest
 * scaled logit and the sum of exponentials relative to it. Columns past `columns` become 0; `stride` is a multiple of 4.
 */
export function softmax(logits: usize, stride: usize, columns: usize, rows: usize, scale: f32, normalizers: usize): void {
  for (let i: usize = 0; i < rows; i++, logits += stride << 2, normalizers += 8) {
    const greatest = maximum(logits, columns) * scale
    store<f32>(normalizers, greatest)
    store<f32>(normalizers, softmaxRow(logits, columns, scale), 4)
  }
}

/** One step of Adam (Kingma and Ba, 2015) with decoupled weight decay (Loshchilov and Hutter, 2019); clears the gradient. */
export function adam(
  weights: usize, gradient: usize, first: usize, second: usize, count: usize,
  learningRate: f32, beta1: f32, beta2: f32, epsilon: f32,
  correction1: f32, correction2: f32, decay: f32, gradientScale: f32,
): void {
  const rate = f32x4.splat(learningRate), shrink = f32x4.splat(<f32>1 - learningRate * decay), scale = f32x4.splat(gradientScale)
  const keep1 = f32x4.splat(beta1), take1 = f32x4.splat(<f32>1 - beta1), keep2 = f32x4.splat(beta2), take2 = f32x4.splat(<f32>1 - beta2)
  const c1 = f32x4.splat(correction1), c2 = f32x4.splat(correction2), tiny = f32x4.splat(epsilon)
  for (let i: usize = 0, end = count << 2; i < end; i += 16) {
    const g = f32x4.mul(v128.load(gradient + i), scale)
    const m = f32x4.add(f32x4.mul(v128.load(first + i), keep1), f32x4.mul(g, take1))
    const v = f32x4.add(f32x4.mul(v128.load(second + i), keep2), f32x4.mul(f32x4.mul(g, g), take2))
    const step = f32x4.div(f32x4.mul(m, c1), f32x4.add(f32x4.sqrt(f32x4.mul(v, c2)), tiny))
    v128.store(first + i, m)
    v128.store(second + i, v)
    v128.store(weights + i, f32x4.sub(f32x4.mul(v128.load(weights + i), shrink), f32x4.mul(rate, step)))
    v128.store(gradient + i, f32x4.splat(0))
  }
}

// @ts-ignore: decorator
@inline
function dot(a: usize, b: usize, count: usize): f32 {
  let sum = f32x4.splat(0)
  for (let i: usize = 0, end = count << 2; i < end; i += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(a + i), v128.load(b + i)))
  return total(sum)
}

/** target += factor · source. */
// @ts-ignore: decorator
@inline
function addScaled(target: usize, source: usize, count: usize, factor: f32): void {
  const scale = f32x4.splat(factor)
  for (let i: usize = 0, end = count << 2; i < end; i += 16) {
    v128.store(target + i, f32x4.add(v128.load(target + i), f32x4.mul(scale, v128.load(source + i))))
  }
}

// @ts-ignore: decorator
@inline
function total(x: v128): f32 {
  const pairs = f32x4.add(x, i32x4.shuffle(x, x, 2, 3, 0, 1))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

/** Greatest of `count` values; fills up to a multiple of 4 with −∞, so that the caller may read whole vectors. */
function maximum(values: usize, count: usize): f32 {
  const end: usize = ((count + 3) & ~3) << 2
  for (let i: usize = count << 2; i < end; i += 4) store<f32>(values + i, MINUS_INFINITY)
  let greatest = f32x4.splat(MINUS_INFINITY)
  for (let i: usize = 0; i < end; i += 16) greatest = f32x4.max(greatest, v128.load(values + i))
  const pairs = f32x4.max(greatest, i32x4.shuffle(greatest, greatest, 2, 3, 0, 1))
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1))
}

/** Softmax of `scale · values` in place; returns the sum of exponentials relative to the greatest. */
function softmaxRow(values: usize, count: usize, scale: f32): f32 {
  const greatest = f32x4.splat(maximum(values, count))
  const factor = f32x4.splat(scale)
  const end: usize = ((count + 3) & ~3) << 2
  let sum = f32x4.splat(0)
  for (let i: usize = 0; i < end; i += 16) {
    const power = exponential(f32x4.mul(f32x4.sub(v128.load(values + i), greatest), factor))
    v128.store(values + i, power)
    sum = f32x4.add(sum, power)
  }
  const normalizer = total(sum)
  const inverse = f32x4.splat(<f32>1 / normalizer)
  for (let i: usize = 0; i < end; i += 16) v128.store(values + i, f32x4.mul(v128.load(values + i), inverse))
  return normalizer
}

/** eˣ for x ≤ 0, to 2 units in the last place; exactly 0 below −87. Cephes `expf` (S. Moshier). */
// @ts-ignore: decorator
@inline
function exponential(x: v128): v128 {
  const isNormal = f32x4.ge(x, f32x4.splat(-87))
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)))
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375))), f32x4.mul(n, f32x4.splat(-2.12194440e-4)))
  let p = f32x4.splat(1.9875691500e-4)
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1))
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  return v128.and(f32x4.mul(p, power), isNormal)
}
