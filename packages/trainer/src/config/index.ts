/** Configuration of components: files, environment references and flags, checked by one schema. */
export {
  type Component,
  type ComponentContext,
  type ComponentForm,
  type ComponentKind,
  type ComponentSpec,
  defineComponent,
  defineKind,
} from './component.ts'
export { defaultRegistry } from './components/default-registry.ts'
export {
  adapterKind,
  algorithmKind,
  hooksKind,
  llmProxyKind,
  resourceKind,
  runnerKind,
  scorerKind,
  storeKind,
  strategyKind,
  tracerKind,
} from './components/kinds.ts'
export { runnerSettingsSchema } from './components/runners.ts'
export { type Flag, type Flags, flagsOf, type ParsedFlags } from './flags.ts'
export { loadPackage } from './load-package.ts'
export { loadExport } from './module-path.ts'
export { type Config, readConfig, type ReadConfigOptions } from './read-config.ts'
export { maxFileBytes } from './read-file.ts'
export { readResources, type ReadResourcesOptions } from './read-resources.ts'
export { redact } from './redact.ts'
export type { Environment } from './references.ts'
export { type ComponentDescription, componentSchema, createRegistry, type CreateOptions, type Registry } from './registry.ts'
export type { FieldMeta } from './shape.ts'
export { type ConfigChange, watchConfig, type WatchConfigOptions } from './watch-config.ts'
export { type FileWatch, watchFiles, type WatchFilesOptions, watchFilesDefaults } from './watch-files.ts'
