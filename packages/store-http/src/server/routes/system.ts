import type { StoreStatistics } from '@agl/types'
import { type Route, route } from '../route.ts'
import { health, statistics } from '../shapes.ts'

export const systemRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/health',
    action: null,
    summary: 'Whether the server answers; clients of ours are told what the store can do',
    answer: health,
    handle(call) {
      if (!call.isOurs) return { status: 'ok' }
      const { capabilities } = call.store
      return { status: 'ok', name: call.storeName, capabilities, max_wait_seconds: call.maxWaitMs / 1000 }
    },
  }),
  route({
    method: 'GET',
    path: '/statistics',
    action: 'read',
    summary: 'How much the store holds',
    answer: statistics,
    async handle(call) {
      const present: StoreStatistics = { ...(await call.store.statistics()), name: call.storeName }
      if (call.isOurs) return present
      const { total_resources_bytes: _, ...known } = present
      return known
    },
  }),
]
