import type { StoreStatistics } from '@agl/types'
import type { RedisState } from './state.ts'

export async function statistics(state: RedisState): Promise<StoreStatistics> {
  const { connection, keys, clock } = state
  const [rollouts, workers, counts] = await connection.run((client) =>
    Promise.all([
      client.zcard(keys.of('statuses')),
      client.zcard(keys.of('workers')),
      client.hmget(keys.of('control'), 'attempts', 'spans', 'resources', 'span_bytes', 'resources_bytes'),
    ]),
  )
  const [attempts, spans, resources, spanBytes, resourcesBytes] = counts.map((count) => Number(count ?? 0))
  return {
    name: state.name,
    total_rollouts: rollouts,
    total_attempts: attempts!,
    total_spans: spans!,
    total_resources: resources!,
    total_workers: workers,
    total_span_bytes: spanBytes!,
    total_resources_bytes: resourcesBytes!,
    uptime: clock.now() - state.startTime,
  }
}
