import { AglError, type JsonValue, type Logger, type Metrics, type TrainingBackend } from '@agl/types'
import type { z } from 'zod'

/** What a component is for: a store, a tracer, an adapter. Make one with {@link defineKind}. */
export interface ComponentKind<Instance> {
  /** Lower-case letters and `-`, for example `store`. */
  readonly name: string
  /** Tells an instance, by `implementing('a store', …)`. */
  readonly instance: z.ZodType<Instance>
}

/** What components get that no file can hold. */
export interface ComponentContext {
  readonly logger?: Logger
  readonly metrics?: Metrics
  /** For algorithms that train a model. */
  readonly backend?: TrainingBackend
}

/** A component that can be named in a configuration. Make one with {@link defineComponent}. */
export interface Component<Instance = unknown> {
  readonly kind: ComponentKind<Instance>
  /** Lower-case letters, digits, `-`, `_`, `.` and `:`. */
  readonly name: string
  /** One line for help. */
  readonly summary: string
  /** A strict object of values of JSON, with `.meta({ description, default, secret, path })` for each field. */
  readonly schema: z.ZodType
  /** Options that the schema has checked → the component. It may load its package first. */
  create(options: unknown, context: ComponentContext): Instance | Promise<Instance>
}

/** A component as files and flags name it: `type` is a name of the registry or a module path; the rest are its options. */
export interface ComponentSpec {
  readonly type: string
  readonly [option: string]: JsonValue
}

/** Every form in which code may give a component. */
export type ComponentForm<Instance> =
  | Instance
  | ((context: ComponentContext) => Instance | Promise<Instance>)
  | string
  | ComponentSpec

export function defineKind<Instance>(name: string, instance: z.ZodType<Instance>): ComponentKind<Instance> {
  checkName(name, /^[a-z][a-z-]*$/, 'kind of component', 'lower-case letters and "-"')
  return Object.freeze({ name, instance })
}

export function defineComponent<Instance, Options extends object>(definition: {
  readonly kind: ComponentKind<Instance>
  readonly name: string
  readonly summary: string
  readonly schema: z.ZodType<Options>
  create(options: Options, context: ComponentContext): Instance | Promise<Instance>
}): Component<Instance> {
  const { kind, name, summary, schema } = definition
  checkName(name, /^[a-z0-9][a-z0-9_.:-]*$/, 'component', 'lower-case letters, digits, "-", "_", "." and ":"')
  return Object.freeze({
    kind,
    name,
    summary,
    schema,
    create: (options: unknown, context: ComponentContext) => definition.create(options as Options, context),
  })
}

function checkName(name: string, pattern: RegExp, what: string, expected: string): void {
  if (pattern.test(name)) return
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected the name of a ${what} to be of ${expected}; got ${JSON.stringify(name)}.`,
  })
}
