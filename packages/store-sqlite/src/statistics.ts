import type { StoreStatistics } from '@agl/types'
import { type Reading, storedTotal } from './state.ts'

const statuses = ['queuing', 'preparing', 'running', 'failed', 'succeeded', 'cancelled', 'requeuing'] as const

export function countRollouts(reading: Reading): number {
  return statuses.reduce((sum, status) => sum + storedTotal(reading, `rollouts_${status}`), 0)
}

export function statistics(reading: Reading): StoreStatistics {
  const { state } = reading
  return {
    name: state.name,
    total_rollouts: countRollouts(reading),
    total_attempts: storedTotal(reading, 'attempts'),
    total_spans: storedTotal(reading, 'spans'),
    total_resources: storedTotal(reading, 'resources'),
    total_workers: storedTotal(reading, 'workers'),
    total_span_bytes: storedTotal(reading, 'span_bytes'),
    total_resources_bytes: storedTotal(reading, 'resources_bytes'),
    uptime: state.clock.now() - state.startTime,
  }
}
