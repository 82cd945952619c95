import type { AlgorithmContext, Span } from '@agl/types'
import type { CollectedRollout } from '../collect.ts'
import type { BaselineOptions } from './options.ts'
import type { BaselineRollout } from './result.ts'

/** Writes down a finished rollout: itself and its attempts, and below `info` the spans of each attempt and what the adapter made. */
export async function logRollout(
  { store, logger }: Pick<AlgorithmContext<never>, 'store' | 'logger'>,
  summary: BaselineRollout,
  { rollout, attempt: latest, spans }: CollectedRollout,
  adapted: unknown,
  verbosity: Required<BaselineOptions>['spanVerbosity'],
): Promise<void> {
  logger.info('A rollout is finished', { ...summary })
  const { rollout_id: rolloutId } = rollout
  const { items: attempts } = await store.queryAttempts({ rolloutId })
  for (const { attempt_id: attemptId, sequence_id: attempt, status, outcome, worker_id: workerId } of attempts) {
    logger.info('One of its attempts', { rolloutId, attemptId, attempt, status, outcome, workerId })
    if (verbosity === 'none') continue
    const own = attemptId === latest?.attempt_id ? spans : (await store.querySpans({ rolloutId, attemptId })).items
    for (const span of own) logger.debug('One of its spans', { rolloutId, attemptId, ...describeSpan(span, verbosity) })
  }
  if (summary.adapterError === null) logger.debug('What the adapter made of its last attempt', { rolloutId, adapted })
  else logger.warn('The adapter failed', { rolloutId, error: summary.adapterError })
}

function describeSpan(span: Span, verbosity: 'keys' | 'key_values'): Readonly<Record<string, unknown>> {
  const { span_id: spanId, sequence_id: sequenceId, name, attributes } = span
  return { spanId, sequenceId, name, ...(verbosity === 'keys' ? { keys: Object.keys(attributes) } : { attributes }) }
}
