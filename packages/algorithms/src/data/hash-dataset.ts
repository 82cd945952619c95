import { createHash } from 'node:crypto'
import type { Dataset } from '@agl/types'
import { canonicalJson } from './canonical-json.ts'

/**
 * What tells one dataset from another: SHA-256 over its tasks as lines of canonical JSON, in order, as `sha256:` and 64 digits. The
 * order of keys makes no difference, the order of tasks does.
 * @throws AglError `invalid_argument` for tasks that are no JSON
 */
export function hashDataset(dataset: Dataset): string {
  const hash = createHash('sha256')
  // Canonical JSON has no line breaks, so the lines tell where each task ends.
  for (let index = 0; index < dataset.length; index += 1) hash.update(`${canonicalJson(dataset[index], `task ${index}`)}\n`)
  return `sha256:${hash.digest('hex')}`
}
