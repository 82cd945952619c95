import { AglError, isPlainObject, type JsonObject, parseOptions } from '@agl/types'
import { z } from 'zod'
import { compare } from './compare.ts'
import { type Config, readConfig, type ReadConfigOptions, readOptionsShape } from './read-config.ts'
import { shapeOf } from './shape.ts'
import { watchFiles, type WatchFilesOptions, watchFilesDefaults, watchShape } from './watch-files.ts'

export interface WatchConfigOptions<Value> extends ReadConfigOptions<Value>, WatchFilesOptions {
  /** What the program runs with; a change since it was read is told as well. */
  readonly from: Config<Value>
}

/**
 *   changed   Live fields have new values, or fields that are not live differ from what the program runs with. `value` has
 *             the former applied and the latter as they were.
 *   failed    The files cannot be read or do not fit; what the program runs with stays.
 */
export type ConfigChange<Value> =
  | {
      readonly kind: 'changed'
      readonly value: Value
      /** The live fields that changed, for example `runner.concurrency`; empty when only `needsRestart` did, or after a failure. */
      readonly changed: readonly string[]
      /** The fields that wait for a restart. */
      readonly needsRestart: readonly string[]
    }
  | { readonly kind: 'failed'; readonly error: AglError; readonly value: Value }

const optionsSchema = z.strictObject({
  ...readOptionsShape,
  ...watchShape,
  from: z.custom((value) => isPlainObject(value) && 'input' in value, { error: 'expected what readConfig gave' }),
})

/**
 * Follows the files of a configuration while the program runs: one item for each change, until the loop is left or
 * `signal` is aborted, whose reason is thrown.
 * A field may change live where the schema says so, with `.meta({ live: true })`.
 */
export async function* watchConfig<Value>(options: WatchConfigOptions<Value>): AsyncGenerator<ConfigChange<Value>, void, void> {
  const parsed = parseOptions(optionsSchema, options, { files: [], ...watchFilesDefaults }, 'options of watchConfig')
  const { from, signal, debounceMs, pollMs, ...sources } = parsed
  const shape = shapeOf(sources.schema)
  let present: { readonly value: Value; readonly input: JsonObject } = from
  let waiting: readonly string[] = []
  let hasFailed = false
  // Watched before the first look: nothing that changes between the two is missed.
  const watch = await watchFiles(sources.files, { debounceMs, pollMs, ...(signal === undefined ? {} : { signal }) })
  try {
    do {
      const change = await look()
      if (change !== null) yield change
    } while ((await watch.next()) !== null)
    signal?.throwIfAborted()
  } finally {
    watch.close()
  }

  async function look(): Promise<ConfigChange<Value> | null> {
    if (signal?.aborted === true) return null
    try {
      const read = await readConfig(sources)
      const { mixed, changed, needsRestart } = compare(present.input, read.input, shape)
      const isTold = waiting.join('\n') === needsRestart.join('\n')
      if (changed.length === 0 && isTold && !hasFailed) return null
      if (changed.length > 0) present = { input: mixed, value: checkMixed(mixed) }
      waiting = needsRestart
      hasFailed = false
      return { kind: 'changed', value: present.value, changed, needsRestart }
    } catch (error) {
      if (!AglError.isInstance(error)) throw error
      hasFailed = true
      return { kind: 'failed', error, value: present.value }
    }
  }

  /** Live fields may not fit what waits for a restart; that is not applied by halves. */
  function checkMixed(mixed: JsonObject): Value {
    const result = sources.schema.safeParse(mixed)
    if (result.success) return result.data
    throw new AglError({
      code: 'invalid_argument',
      message: 'The live part of the change does not fit what needs a restart: restart to apply both.',
    })
  }
}
