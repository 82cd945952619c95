import { dirname, resolve } from 'node:path'
import {
  AglError,
  describeValue,
  isPlainObject,
  type JsonValue,
  type NamedResources,
  namedResourcesSchema,
  parseOptions,
} from '@agl/types'
import { z } from 'zod'
import { resourceKind } from './components/kinds.ts'
import { configError, problemsOf } from './explain.ts'
import type { Environment } from './references.ts'
import { readDocument, readText } from './read-file.ts'
import type { Registry } from './registry.ts'
import { shapeOf } from './shape.ts'
import { settle } from './settle.ts'
import { sourceOf } from './source.ts'

export interface ReadResourcesOptions {
  /** For `${NAME}` in the file. Default: empty. */
  readonly environment?: Environment
  /** Checks `custom:*` resources that it knows; the others are taken as they are. Default: none of them is known. */
  readonly registry?: Registry
  /** Is told of every file that was read, the first included: for `watchFiles`. */
  readonly onFile?: (file: string) => void
}

const isFunction = (value: unknown): boolean => typeof value === 'function'

const optionsSchema = z.strictObject({
  environment: z.custom((value) => typeof value === 'object' && value !== null, { error: 'expected an object' }).optional(),
  registry: z.custom((value) => isPlainObject(value) && isFunction(value['find']), { error: 'expected a registry' }).optional(),
  onFile: z.custom(isFunction, { error: 'expected a function' }).optional(),
})

/**
 * Named resources of a file of JSON or YAML. `template: { file: ./prompt.txt }` reads a text beside it as it is; references to the
 * environment are followed in the file itself only.
 * @throws AglError `invalid_argument`, or `not_found` for a file that cannot be read
 */
export async function readResources(file: string, options: ReadResourcesOptions = {}): Promise<NamedResources> {
  const { environment, registry, onFile } = parseOptions(
    optionsSchema,
    options,
    { environment: {}, onFile: () => {} },
    'options of readResources',
  )
  const path = resolve(file)
  onFile(path)
  const document = await readDocument(path)
  if (!isPlainObject(document)) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected an object of named resources in ${path}; got ${describeValue(document, 'secret')}.`,
    })
  }
  const source = sourceOf(document, { label: path, folder: dirname(path) }, environment)
  const shape = shapeOf(namedResourcesSchema)
  // The schema of resources is one check, which says nothing of its fields: texts stay texts.
  const settled = settle(source, shape, () => {}) as Readonly<Record<string, JsonValue>>
  const texts = await Promise.all(
    Object.entries(settled).map(async ([name, resource]) => [name, await withTexts(name, resource, path, onFile)] as const),
  )
  const input = Object.fromEntries(texts)
  const result = namedResourcesSchema.safeParse(input)
  const issues = result.success ? customIssues(result.data, registry) : result.error.issues
  if (issues.length === 0) return result.data!
  const checked = { shape, input, source }
  throw configError(problemsOf(issues, checked), checked)
}

async function withTexts(name: string, resource: JsonValue, from: string, onFile: (file: string) => void): Promise<JsonValue> {
  if (!isPlainObject(resource)) return resource
  const { template } = resource as { readonly template?: JsonValue }
  if (!isPlainObject(template)) return resource
  const { file, ...rest } = template
  if (typeof file !== 'string' || Object.keys(rest).length > 0) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected the template to be a text or { file: ./prompt.txt }; got an object with ${Object.keys(template).join(', ') || 'nothing'}.\n  → at ${name}.template, in ${from}`,
    })
  }
  const path = resolve(dirname(from), file)
  onFile(path)
  return { ...(resource as Readonly<Record<string, JsonValue>>), template: await readText(path) }
}

/** What the kinds of a plugin find wrong. */
function customIssues(resources: NamedResources, registry: Registry | undefined): readonly z.core.$ZodIssue[] {
  if (registry === undefined) return []
  const known = registry.names(resourceKind)
  return Object.entries(resources).flatMap(([name, { resource_type: type, ...fields }]) => {
    if (!type.startsWith('custom:') || !known.includes(type)) return []
    const result = registry.find(resourceKind, type).schema.safeParse(fields)
    return (result.error?.issues ?? []).map((issue) => ({ ...issue, path: [name, ...issue.path] }))
  })
}
