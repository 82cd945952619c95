import { watchConfig, type WatchConfigOptions } from '@agl/trainer/config'
import type { Logger } from '@agl/types'

/**
 * Follows the files of a run until `signal` is aborted: what may change while it runs is applied, of the rest and of mistakes a warning
 * tells. Never rejects.
 */
export async function followConfig<Value>(
  options: WatchConfigOptions<Value> & { readonly signal: AbortSignal },
  apply: (value: Value) => void,
  logger: Logger,
): Promise<void> {
  try {
    for await (const change of watchConfig(options)) {
      switch (change.kind) {
        case 'changed':
          apply(change.value)
          if (change.changed.length > 0) logger.info('The configuration changed', { applied: change.changed.join(', ') })
          if (change.needsRestart.length > 0) {
            logger.warn('What changed in the configuration waits until the run is started again', {
              needsRestart: change.needsRestart.join(', '),
            })
          }
          break
        case 'failed':
          logger.warn('The configuration was changed and does not fit; the run goes on with what it has', {
            error: change.error.message,
          })
          break
        default:
          change satisfies never
      }
    }
  } catch (error) {
    if (!options.signal.aborted) logger.warn('The configuration is not followed any more', { error: String(error) })
  }
}
