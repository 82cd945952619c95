import { createRegistry, type Registry } from '../registry.ts'
import { adapterComponents } from './adapters.ts'
import { algorithmComponents } from './algorithms.ts'
import { gatewayComponents } from './gateways.ts'
import { resourceComponents } from './resources.ts'
import { storeComponents } from './stores.ts'
import { strategyComponents } from './strategies.ts'
import { tracerComponents } from './tracers.ts'

/** What AGL brings. A package is loaded when a component of it is made; plugins are added with `.with(…)`, which gives a new registry. */
export const defaultRegistry: Registry = createRegistry([
  ...storeComponents,
  ...tracerComponents,
  ...adapterComponents,
  ...algorithmComponents,
  ...gatewayComponents,
  ...strategyComponents,
  ...resourceComponents,
])
