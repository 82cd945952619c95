import type { StoreStatistics } from '@agl/types'
import { type Route, route } from '../route.ts'

export const systemRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/health',
    action: null,
    summary: 'Whether the server answers; clients of ours are told what the store can do',
    handle(call) {
      if (!call.isOurs) return { status: 'ok' }
      const { name, capabilities } = call.store
      return { status: 'ok', name, capabilities, max_wait_seconds: call.maxWaitMs / 1000 }
    },
  }),
  route({
    method: 'GET',
    path: '/statistics',
    action: 'read',
    summary: 'How much the store holds',
    async handle(call) {
      const statistics: StoreStatistics = await call.store.statistics()
      if (call.isOurs) return statistics
      const { total_resources_bytes: _, ...known } = statistics
      return known
    },
  }),
]
