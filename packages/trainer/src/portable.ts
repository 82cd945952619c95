import { AglError, isPlainObject, jsonOffender } from '@agl/types'
import type { ComponentContext, ComponentForm, ComponentKind, ComponentSpec } from './config/component.ts'
import type { Registry } from './config/registry.ts'
import { importExport, isModuleExport, type ModuleExport, resolveModule } from './module-export.ts'

/** What runners need (a tracer, hooks, scorers), in every form in which a program may give it. */
export type RunnerPart<Instance> = ComponentForm<Instance> | ModuleExport

/** The same as data: another process makes its own by it. */
export type PortablePart = ModuleExport | ComponentSpec

export interface Made<Instance> {
  readonly instance: Instance
  /** Whether it is ours to close; what the program gave as an instance, or a module exports as one, is theirs. */
  readonly isOurs: boolean
}

/** The registry of whoever gave none; loaded when something is named, because it brings the schemas of all that may be. */
export async function loadDefaultRegistry(): Promise<Registry> {
  const { defaultRegistry } = await import('./config/components/default-registry.ts')
  return defaultRegistry
}

/** @param registry null: what AGL brings */
export async function makePart<Instance>(
  kind: ComponentKind<Instance>,
  part: RunnerPart<Instance>,
  registry: Registry | null,
  context: ComponentContext,
): Promise<Made<Instance>> {
  if (isInstance(kind, part)) return { instance: part, isOurs: false }
  const exported = await findExport(kind, part)
  if (exported === null) {
    const known = registry ?? (await loadDefaultRegistry())
    return { instance: await known.create(kind, part as ComponentForm<Instance>, context), isOurs: true }
  }
  const { createFromExport } = await import('./config/create-component.ts')
  const instance = await createFromExport(kind, exported.found, { ...exported, context })
  return { instance, isOurs: instance !== exported.found }
}

export function isInstance<Instance>(kind: ComponentKind<Instance>, value: unknown): value is Instance {
  return kind.instance.safeParse(value).success
}

interface Exported {
  /** As errors name it. */
  readonly type: string
  readonly options: object
  readonly found: unknown
}

/** What a module exports, where the part names one. */
async function findExport(kind: ComponentKind<unknown>, part: unknown): Promise<Exported | null> {
  if (isModuleExport(part)) {
    const resolved = { ...part, module: resolveModule(part.module) }
    const found = await importExport(resolved, `the ${kind.name}`)
    return { type: `${resolved.module}#${part.export}`, options: part.options ?? {}, found }
  }
  const spec = specOf(part)
  if (spec === null) return null
  const { isModulePath, loadExport } = await import('./config/module-path.ts')
  const { type, ...options } = spec
  return isModulePath(type) ? { type, options, found: await loadExport(type, process.cwd()) } : null
}

function specOf(part: unknown): ComponentSpec | null {
  if (typeof part === 'string') return { type: part }
  return isPlainObject(part) && typeof part['type'] === 'string' ? (part as ComponentSpec) : null
}

/**
 * The part as another process finds it; null for what lives in this one only: an instance, a function, an entry of a registry of the
 * program's own.
 */
export async function toPortable<Instance>(
  kind: ComponentKind<Instance>,
  part: RunnerPart<Instance>,
  registry: Registry | null,
): Promise<PortablePart | null> {
  const portable = await findPortable(kind, part, registry)
  const offender = jsonOffender(portable)
  if (offender === null) return portable
  throw new AglError({
    code: 'invalid_argument',
    message: `The options of the ${kind.name} go to other processes, and ${offender.path.replace(/^\./, '')} is ${offender.description}, which cannot cross. Give values of JSON only.`,
  })
}

async function findPortable<Instance>(
  kind: ComponentKind<Instance>,
  part: RunnerPart<Instance>,
  registry: Registry | null,
): Promise<PortablePart | null> {
  if (isModuleExport(part)) return { ...part, module: resolveModule(part.module) }
  const spec = isInstance(kind, part) ? null : specOf(part)
  if (spec === null) return null
  const { isModulePath, resolveModulePath } = await import('./config/module-path.ts')
  const type = resolveModulePath(spec.type, process.cwd())
  if (isModulePath(type)) return { ...spec, type }
  const brought = await loadDefaultRegistry()
  const component = (registry ?? brought).find(kind, type)
  return brought.names(kind).includes(type) && brought.find(kind, type) === component ? spec : null
}
