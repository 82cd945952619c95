import { AglError, describeValue, errorMessage, isPlainObject } from '@agl/types'
import type { Component, ComponentContext, ComponentForm, ComponentKind, ComponentSpec } from './component.ts'
import { isModulePath, loadExport } from './module-path.ts'
import { checkInput } from './explain.ts'
import type { Registry } from './registry.ts'
import { shapeOf } from './shape.ts'

export async function createComponent<Instance>(
  registry: Registry,
  kind: ComponentKind<Instance>,
  form: ComponentForm<Instance>,
  folder: string,
  context: ComponentContext,
): Promise<Instance> {
  if (kind.instance.safeParse(form).success) return form as Instance
  if (typeof form === 'function') {
    return checked(kind, await callToMake(kind, form, context), 'the function given, which was called to make it,')
  }
  const { type, ...options } = specOf(kind, form)
  if (isModulePath(type)) return createFromExport(kind, await loadExport(type, folder), { type, options, context })
  return createNamed(kind, registry.find(kind, type), options, context)
}

/** An algorithm or an agent that was forgotten to be wrapped is a function as well, and fails for want of what it expected. */
async function callToMake(kind: ComponentKind<unknown>, form: unknown, context: ComponentContext): Promise<unknown> {
  try {
    return await (form as (context: ComponentContext) => unknown)(context)
  } catch (cause) {
    if (AglError.isInstance(cause)) throw cause
    const [issue] = kind.instance.safeParse(undefined).error!.issues
    throw new AglError({
      code: 'invalid_argument',
      message: `The function given as ${kind.name} was called to make one, and failed: ${errorMessage(cause)}. If it is no maker: ${issue!.message}.`,
      cause,
    })
  }
}

function specOf(kind: ComponentKind<unknown>, form: unknown): ComponentSpec {
  if (typeof form === 'string') return { type: form }
  if (isPlainObject(form) && typeof form['type'] === 'string') return form as ComponentSpec
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected a ${kind.name}: an instance, a function that makes one, a name, { type, ...options } or "./file.ts#export"; got ${describeValue(form)}.`,
  })
}

async function createNamed<Instance>(
  kind: ComponentKind<Instance>,
  component: Component,
  options: object,
  context: ComponentContext,
): Promise<Instance> {
  const what = `the ${kind.name} "${component.name}"`
  const origin = { label: `the options of ${what}`, folder: process.cwd() }
  const checkedOptions = checkInput(component.schema, {
    shape: shapeOf(component.schema),
    input: options,
    source: { kind: 'value', origin, value: null },
  })
  return checked(kind, await component.create(checkedOptions, context), what)
}

/**
 * Makes a component of what a module exports: an instance, a component with a schema of its own, or a function of options and context.
 * @param type names it in errors
 */
export async function createFromExport<Instance>(
  kind: ComponentKind<Instance>,
  found: unknown,
  { type, options, context }: { readonly type: string; readonly options: object; readonly context: ComponentContext },
): Promise<Instance> {
  if (isComponent(found)) {
    checkKind(kind, found, type)
    return createNamed(kind, found, options, context)
  }
  const isInstance = kind.instance.safeParse(found).success
  if (isInstance && Object.keys(options).length > 0) {
    throw new AglError({
      code: 'invalid_argument',
      message: `${type} is a ${kind.name} already and takes no options; got ${Object.keys(options).join(', ')}. Export a function that takes them.`,
    })
  }
  if (isInstance || typeof found !== 'function') return checked(kind, found, type)
  const make = found as (options: object, context: ComponentContext) => unknown
  return checked(kind, await make(options, context), `what ${type} returned`)
}

function isComponent(value: unknown): value is Component {
  return isPlainObject(value) && ['kind', 'name', 'schema', 'create'].every((key) => key in value)
}

/** By its name and not by identity: a plugin may come with another copy of AGL. */
function checkKind(kind: ComponentKind<unknown>, component: Component, type: string): void {
  if (component.kind.name === kind.name) return
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected ${type} to be a ${kind.name}; it is a ${component.kind.name}.`,
  })
}

function checked<Instance>(kind: ComponentKind<Instance>, value: unknown, what: string): Instance {
  const result = kind.instance.safeParse(value)
  if (result.success) return value as Instance
  const [issue] = result.error.issues
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected ${what} to be a ${kind.name}; got ${describeValue(value)}: ${issue!.message}.`,
  })
}
