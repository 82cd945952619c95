import { AglError, describeValue, isPlainObject, type Logger, type Metrics, type Tracer } from '@agl/types'
import { importExport, type ModuleExport, resolveModule } from './module-export.ts'

/** A tracer, or where one comes from: an exported tracer, or a function that makes one of `options` and of `{ logger, metrics }`. */
export type TracerChoice = Tracer | ModuleExport

export function isModuleExport(value: unknown): value is ModuleExport {
  return isPlainObject(value) && typeof value['module'] === 'string' && typeof value['export'] === 'string'
}

/** The same with a module that any process finds. */
export function resolveTracerModule(tracer: ModuleExport): ModuleExport {
  return { ...tracer, module: resolveModule(tracer.module) }
}

export async function loadTracer(
  choice: TracerChoice,
  surroundings: { readonly logger?: Logger; readonly metrics?: Metrics } = {},
): Promise<Tracer> {
  if (!isModuleExport(choice)) return choice
  const resolved = resolveTracerModule(choice)
  const value = await importExport(resolved, 'the tracer')
  const tracer = typeof value === 'function' ? ((await value(resolved.options ?? {}, surroundings)) as unknown) : value
  if (typeof tracer === 'object' && tracer !== null && 'trace' in tracer) return tracer as Tracer
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected the export "${choice.export}" of ${choice.module} to be a tracer or a function that makes one; it is ${describeValue(value)}.`,
  })
}
