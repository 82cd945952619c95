/** A program as users write them, for tests that end one from outside. Started with what to run as its argument, it tells how it went by message. */
import { errorMessage } from '@agl/types'
import { handleInterrupts } from '../interrupts.ts'
import type { ModuleExport } from '../module-export.ts'
import type { StrategyChoice } from '../strategies/choose.ts'
import { createTrainer } from '../trainer.ts'
import { agentNamed, algorithm, loadStrategy, runAll } from './tasks.ts'

export interface DriverJob {
  readonly strategy: StrategyChoice | ModuleExport
  readonly agent: string
  readonly tasks: readonly string[]
  readonly shutdownGraceMs: number
}

const job = JSON.parse(process.argv[2]!) as DriverJob
const trainer = createTrainer({
  algorithm: algorithm(runAll),
  strategy: await loadStrategy(job.strategy),
  nRunners: job.tasks.length,
  runner: { shutdownGraceMs: job.shutdownGraceMs, abortGraceMs: 100 },
})
try {
  await handleInterrupts((signal) => {
    signal.addEventListener('abort', () => process.send!('aborted'))
    return trainer.fit(agentNamed(job.agent), job.tasks, { signal })
  })
  process.send!('resolved')
} catch (error) {
  process.send!(errorMessage(error))
} finally {
  await trainer.store.close()
}
process.disconnect()
