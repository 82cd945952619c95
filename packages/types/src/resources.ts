import { z } from 'zod'
import { AglError } from './errors.ts'
import { type JsonObject, jsonObjectSchema, type JsonValue, jsonValueSchema, namedValues } from './json.ts'
import { parseOrThrow } from './parse.ts'
import { isPlainObject } from './plain.ts'
import { laxPrimitives, type Primitives, strictPrimitives } from './primitives.ts'

/** A model endpoint that speaks the OpenAI API. */
export interface Llm {
  readonly resource_type: 'llm'
  /** Base URL, usually ending in `/v1`. */
  readonly endpoint: string
  readonly model: string
  readonly api_key: string | null
  /** For example `{ temperature: 1, max_tokens: 64 }`; the agent passes them on. */
  readonly sampling_parameters: JsonObject
}

/** A model behind the gateway: the real base URL carries the rollout and attempt ids, see {@link resolveProxyLlm}. */
export interface ProxyLlm extends Omit<Llm, 'resource_type'> {
  readonly resource_type: 'proxy_llm'
}

export interface PromptTemplate {
  readonly resource_type: 'prompt_template'
  readonly template: string
  readonly engine: 'jinja' | 'f-string' | 'poml'
}

/** A kind of resource that AGL does not know, made with {@link defineResourceKind}. */
export interface CustomResource {
  readonly resource_type: `custom:${string}`
  readonly [field: string]: JsonValue
}

/** Anything that can be tuned. */
export type Resource = Llm | ProxyLlm | PromptTemplate | CustomResource

/** One snapshot: name → resource. */
export type NamedResources = Readonly<Record<string, Resource>>

/** A stored snapshot. A version never changes; a change of the same id is the next version. Times are epoch seconds. */
export interface ResourcesUpdate {
  readonly resources_id: string
  /** When version 1 was stored. */
  readonly create_time: number
  /** When this version was stored. */
  readonly update_time: number
  readonly version: number
  readonly resources: NamedResources
}

/** A name that points to one version of resources and can be moved. */
export interface ResourcesAlias {
  readonly alias: string
  readonly resources_id: string
  readonly version: number
  /** When it was last set. */
  readonly update_time: number
}

const llmShape = {
  endpoint: z.string(),
  model: z.string(),
  api_key: z.string().nullable().default(null),
  sampling_parameters: jsonObjectSchema.default({}),
}

const promptTemplateShape = { template: z.string(), engine: z.enum(['jinja', 'f-string', 'poml']) }

const customTypePattern = /^custom:[a-z0-9][a-z0-9_.-]*$/

const typeError = 'expected "llm", "proxy_llm", "prompt_template" or "custom:<name>"'

const customResourceSchema = z
  .object({
    resource_type: z.custom<`custom:${string}`>((value) => typeof value === 'string' && customTypePattern.test(value), {
      error: typeError,
    }),
  })
  .catchall(jsonValueSchema)

const strictShapes: Readonly<Record<string, z.ZodType>> = {
  llm: z.strictObject({ resource_type: z.literal('llm'), ...llmShape }),
  proxy_llm: z.strictObject({ resource_type: z.literal('proxy_llm'), ...llmShape }),
  prompt_template: z.strictObject({ resource_type: z.literal('prompt_template'), ...promptTemplateShape }),
}

/** Unknown keys are errors, but of a `custom:*` resource. By its type and not by a union, which could not say what was wrong. */
export const resourceSchema: z.ZodType<Resource> = z
  .custom<Readonly<Record<string, unknown>>>(isPlainObject, { error: 'expected an object with a `resource_type`' })
  .refine((value) => !Object.hasOwn(value, '__proto__'), { error: 'expected no key "__proto__"' })
  .transform((value, context) => {
    const { resource_type: type } = value
    const schema = typeof type === 'string' && Object.hasOwn(strictShapes, type) ? strictShapes[type]! : customResourceSchema
    const result = schema.safeParse(value)
    if (result.success) return result.data as Resource
    for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue)
    return z.NEVER
  })

/** As the reference takes them: unknown keys are left out. */
export const wireResourceSchema: z.ZodType<Resource> = z.union([
  z.discriminatedUnion('resource_type', [
    z.object({ resource_type: z.literal('llm'), ...llmShape }),
    z.object({ resource_type: z.literal('proxy_llm'), ...llmShape }),
    z.object({ resource_type: z.literal('prompt_template'), ...promptTemplateShape }),
  ]),
  customResourceSchema,
])

function resourcesUpdate({ number, integer }: Primitives, resource: z.ZodType<Resource>): z.ZodType<ResourcesUpdate> {
  return z.object({
    resources_id: z.string(),
    create_time: number,
    update_time: number,
    version: integer,
    resources: namedValues(resource),
  })
}

export const resourcesUpdateSchema: z.ZodType<ResourcesUpdate> = resourcesUpdate(strictPrimitives, resourceSchema)

export const wireResourcesUpdateSchema: z.ZodType<ResourcesUpdate> = resourcesUpdate(laxPrimitives, wireResourceSchema)

export const resourcesAliasSchema: z.ZodType<ResourcesAlias> = z.object({
  alias: z.string(),
  resources_id: z.string(),
  version: z.int(),
  update_time: z.number(),
})

export const namedResourcesSchema: z.ZodType<NamedResources> = namedValues(resourceSchema)

/**
 * The endpoint of a gateway model for one attempt: `<base>/rollout/{rollout}/attempt/{attempt}/v1`, so that each call
 * the agent makes is attributed without the agent's help. A trailing `/v1` of the base stays at the end.
 */
export function resolveProxyLlm(resource: ProxyLlm, attempt: { readonly rolloutId: string; readonly attemptId: string }): Llm {
  const base = resource.endpoint.replace(/\/$/, '')
  const hasVersion = base.endsWith('/v1')
  const root = hasVersion ? base.slice(0, -'/v1'.length) : base
  const path = `/rollout/${encodeURIComponent(attempt.rolloutId)}/attempt/${encodeURIComponent(attempt.attemptId)}`
  return { ...resource, resource_type: 'llm', endpoint: `${root}${path}${hasVersion ? '/v1' : ''}` }
}

/** A kind of resource that a plugin brings. */
export interface ResourceKind<Fields extends object> {
  readonly resourceType: `custom:${string}`
  readonly schema: z.ZodType<Fields>
  /** A resource of this kind; throws `invalid_argument` when the fields do not fit the schema. */
  create(fields: Fields): CustomResource & Fields
  /** The resource with this name; throws `not_found` or `invalid_argument`. */
  read(resources: NamedResources, name: string): Fields
}

/**
 * Defines a kind of resource with its own schema. Stores keep any `custom:*` resource as it is; one that is given the
 * kind (`resourceKinds`) also checks it on write.
 */
export function defineResourceKind<Fields extends object>(definition: {
  /** What follows `custom:`; lower-case letters, digits, `_`, `.` and `-`. */
  readonly name: string
  readonly schema: z.ZodType<Fields>
}): ResourceKind<Fields> {
  const resourceType = `custom:${definition.name}` as const
  if (!customTypePattern.test(resourceType)) {
    throw new AglError({
      code: 'invalid_argument',
      message: `The name of a resource kind must be lower-case letters, digits, "_", "." or "-"; got "${definition.name}".`,
    })
  }
  const parse = (value: unknown): Fields => parseOrThrow(definition.schema, value, `resource of type "${resourceType}"`)
  return Object.freeze({
    resourceType,
    schema: definition.schema,
    create: (fields: Fields) => ({ ...parse(fields), resource_type: resourceType }),
    read(resources: NamedResources, name: string): Fields {
      const resource = resources[name]
      if (resource?.resource_type !== resourceType) {
        const there = Object.entries(resources).map(([key, value]) => `${key} (${value.resource_type})`)
        throw new AglError({
          code: 'not_found',
          message: `Expected a resource "${name}" of type "${resourceType}"; these are there: ${there.join(', ') || 'none'}.`,
        })
      }
      const { resource_type: _, ...fields } = resource
      return parse(fields)
    },
  })
}
