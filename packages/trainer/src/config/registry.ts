import { AglError } from '@agl/types'
import { z } from 'zod'
import { suggest } from './closest.ts'
import type { Component, ComponentContext, ComponentForm, ComponentKind, ComponentSpec } from './component.ts'
import { createComponent } from './create-component.ts'
import { isModulePath } from './module-path.ts'
import { redactText } from './redact.ts'

/** A component for help, for documents and for editors. */
export interface ComponentDescription {
  readonly kind: string
  readonly name: string
  readonly summary: string
  /** JSON Schema of its options. */
  readonly options: Readonly<Record<string, unknown>>
}

export interface CreateOptions extends ComponentContext {
  /** From where relative module paths are meant, and packages looked for. Default: the working folder. */
  readonly folder?: string
}

/** The components that a configuration may name. A value: nothing is registered behind anybody's back. */
export interface Registry {
  /** This registry and more components; a name that is there already is an error. */
  with(...components: readonly Component[]): Registry
  /** The names of one kind, in the order of registration. */
  names(kind: ComponentKind<unknown>): readonly string[]
  /** @throws AglError `not_found` with the names that are there */
  find<Instance>(kind: ComponentKind<Instance>, name: string): Component<Instance>
  /**
   * Makes a component of any form: an instance is passed on, a function is called, a name, `{ type, ...options }` and
   * `./file.ts#export` are looked up and made.
   * @throws AglError
   */
  create<Instance>(kind: ComponentKind<Instance>, form: ComponentForm<Instance>, options?: CreateOptions): Promise<Instance>
  describe(): readonly ComponentDescription[]
}

export function createRegistry(components: readonly Component[] = []): Registry {
  const byKey = new Map<string, Component>()
  const keyOf = (kind: ComponentKind<unknown>, name: string): string => `${kind.name} ${name}`
  for (const component of components) {
    const key = keyOf(component.kind, component.name)
    if (byKey.has(key)) {
      throw new AglError({ code: 'conflict', message: `There are two components "${key}": give yours another name.` })
    }
    byKey.set(key, component)
  }
  const names = (kind: ComponentKind<unknown>): readonly string[] =>
    components.filter((component) => component.kind.name === kind.name).map(({ name }) => name)
  const registry: Registry = Object.freeze({
    with: (...more: readonly Component[]) => createRegistry([...components, ...more]),
    names,
    find<Instance>(kind: ComponentKind<Instance>, name: string): Component<Instance> {
      const found = byKey.get(keyOf(kind, name))
      if (found !== undefined) return found as Component<Instance>
      throw new AglError({ code: 'not_found', message: unknownComponent(registry, kind, name) })
    },
    create: async <Instance>(
      kind: ComponentKind<Instance>,
      form: ComponentForm<Instance>,
      { folder = process.cwd(), ...context }: CreateOptions = {},
    ) => createComponent(registry, kind, form, folder, context),
    describe: () =>
      components.map(({ kind, name, summary, schema }) => ({ kind: kind.name, name, summary, options: jsonSchemaOf(schema) })),
  })
  return registry
}

function unknownComponent(registry: Registry, kind: ComponentKind<unknown>, name: string): string {
  const message = `There is no ${kind.name} ${JSON.stringify(redactText(name))}${suggest(name, registry.names(kind))}`
  return `${message} A module path ends in the name of an export: ./file.ts#export.`
}

function jsonSchemaOf(schema: z.ZodType): Readonly<Record<string, unknown>> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}

/**
 * A schema for the place of a component in a configuration: its name or module path, or `{ type, ...options }`, with the options of
 * each type checked. Its value is always the long form, for `registry.create`.
 */
export function componentSchema(registry: Registry, kind: ComponentKind<unknown>): z.ZodType<ComponentSpec> {
  const variants = registry.names(kind).map((name) => withType(jsonSchemaOf(registry.find(kind, name).schema), name))
  const names = registry.names(kind)
  return z
    .unknown()
    .transform((value, context): ComponentSpec => {
      const spec = typeof value === 'string' ? { type: value } : value
      const issues = specIssues(registry, kind, spec)
      for (const issue of issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue)
      return issues.length === 0 ? (spec as ComponentSpec) : z.NEVER
    })
    .meta({ component: kind.name, oneOf: [{ type: 'string', examples: names }, ...variants] })
}

function withType(schema: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  const { properties = {}, required = [] } = schema as { readonly properties?: object; readonly required?: readonly string[] }
  return { ...schema, properties: { type: { type: 'string', const: name }, ...properties }, required: ['type', ...required] }
}

type Issue = { readonly path: readonly PropertyKey[]; readonly message: string; readonly code: string }

function specIssues(registry: Registry, kind: ComponentKind<unknown>, spec: unknown): readonly Issue[] {
  const custom = (message: string, path: readonly PropertyKey[] = []): Issue => ({ code: 'custom', message, path })
  const expected = `a name (${registry.names(kind).join(', ')}), a module path or an object with such a \`type\``
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) return [custom(`expected ${expected}`)]
  const { type, ...options } = spec as { readonly type?: unknown }
  if (typeof type !== 'string') return [custom(`expected ${expected}`, ['type'])]
  if (isModulePath(type)) return []
  if (!registry.names(kind).includes(type)) return [custom(unknownComponent(registry, kind, type), ['type'])]
  const result = registry.find(kind, type).schema.safeParse(options)
  return result.success ? [] : (result.error.issues as readonly Issue[])
}
