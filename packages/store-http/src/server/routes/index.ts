import type { Route } from '../route.ts'
import { queueRoutes } from './queues.ts'
import { resourcesRoutes } from './resources.ts'
import { rolloutRoutes } from './rollouts.ts'
import { spanRoutes } from './spans.ts'
import { streamRoutes } from './streams.ts'
import { systemRoutes } from './system.ts'
import { workerRoutes } from './workers.ts'

/** Every endpoint of the API, the more special ones before those with parameters. */
export const routes: readonly Route[] = Object.freeze([
  ...systemRoutes,
  ...queueRoutes,
  ...rolloutRoutes,
  ...spanRoutes,
  ...workerRoutes,
  ...resourcesRoutes,
  ...streamRoutes,
])
