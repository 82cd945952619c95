import { dirname, resolve } from 'node:path'
import { AglError, describeValue, isPlainObject, type JsonObject, parseOptions } from '@agl/types'
import { z } from 'zod'
import { checkInput, configError } from './explain.ts'
import type { Environment } from './references.ts'
import { readDocument } from './read-file.ts'
import { type Problem, settle } from './settle.ts'
import { shapeOf } from './shape.ts'
import { merge, type Origin, type Source, sourceOf } from './source.ts'

export interface ReadConfigOptions<Value> {
  /** A strict object. Its fields may say more with `.meta`, see `FieldMeta`. */
  readonly schema: z.ZodType<Value>
  /** Files of JSON or YAML; what a later one says is laid over the earlier. Default: none. */
  readonly files?: readonly string[]
  /** For `${NAME}` in files: `process.env`, as a rule. Default: empty, so that any reference without a default is an error. */
  readonly environment?: Environment
  /** What `flagsOf(schema).parse(…)` found; laid over the files. Default: none. */
  readonly flags?: Source
}

export interface Config<Value> {
  readonly value: Value
  /** What was given, merged and with references resolved, before the schema's own defaults. */
  readonly input: JsonObject
  /** Which file or flag a value comes from; null for a default. */
  originOf(path: readonly PropertyKey[]): string | null
}

export const readOptionsShape: Readonly<Record<keyof ReadConfigOptions<unknown>, z.ZodType>> = Object.freeze({
  schema: z.custom((value) => typeof value === 'object' && value !== null && 'safeParse' in value, {
    error: 'expected a zod schema',
  }),
  files: z.array(z.string().min(1)).optional(),
  environment: z.custom((value) => typeof value === 'object' && value !== null, { error: 'expected an object' }).optional(),
  flags: z
    .custom((value) => isPlainObject(value) && value['kind'] === 'object', { error: 'expected what flagsOf(schema).parse gave' })
    .optional(),
})

/**
 * One typed configuration of, in rising precedence, the schema's defaults, files and command-line flags.
 * @throws AglError `invalid_argument`, which tells everything that is wrong; `not_found` for a file that cannot be read
 */
export async function readConfig<Value>(options: ReadConfigOptions<Value>): Promise<Config<Value>> {
  const given = parseOptions(z.strictObject(readOptionsShape), options, { files: [], environment: {} }, 'options of readConfig')
  const shape = shapeOf(given.schema)
  const nowhere: Origin = { label: 'the defaults', folder: process.cwd() }
  let source: Source = { kind: 'object', origin: nowhere, entries: new Map() }
  for (const file of given.files) source = merge(source, await readSource(file, given.environment), shape)
  if (given.flags !== undefined) source = merge(source, given.flags, shape)

  const problems: Problem[] = []
  const input = settle(source, shape, (problem) => problems.push(problem)) as JsonObject
  if (problems.length > 0) throw configError(problems, { shape, input, source })
  const value = checkInput(given.schema, { shape, input, source })
  return Object.freeze({ value, input, originOf: (path: readonly PropertyKey[]) => originAt(source, path) })
}

async function readSource(file: string, environment: Environment): Promise<Source> {
  const path = resolve(file)
  const value = await readDocument(path)
  if (isPlainObject(value)) return sourceOf(value, { label: path, folder: dirname(path) }, environment)
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected an object of keys and values in ${path}; got ${describeValue(value, 'secret')}.`,
  })
}

function originAt(source: Source, path: readonly PropertyKey[]): string | null {
  let present: Source | undefined = source
  for (const key of path) {
    present =
      present?.kind === 'object'
        ? present.entries.get(String(key))
        : present?.kind === 'list'
          ? present.items[Number(key)]
          : undefined
  }
  return present?.origin.label ?? null
}
