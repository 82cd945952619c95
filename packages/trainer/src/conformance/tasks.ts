/** What the suite and the programs that it starts have in common. */
import type { Algorithm, AlgorithmContext, EnqueueRolloutRequest, LightningStore } from '@agl/types'
import { type AgentModule, agentModule } from '../agent-module.ts'
import { importExport, isModuleExport, type ModuleExport, resolveModule } from '../module-export.ts'
import type { StrategyChoice } from '../strategies/choose.ts'

/** From the sources these are TypeScript, from the build JavaScript. */
export const extension: string = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

export function agentNamed(name: string): AgentModule {
  return agentModule(new URL(`./agents.${extension}`, import.meta.url), name)
}

export async function loadStrategy(strategy: StrategyChoice | ModuleExport): Promise<StrategyChoice> {
  if (!isModuleExport(strategy)) return strategy
  const make = await importExport({ ...strategy, module: resolveModule(strategy.module) }, 'the strategy')
  return (make as (options: object) => StrategyChoice)(strategy.options ?? {})
}

export function algorithm<Result>(run: (context: AlgorithmContext) => Promise<Result>): Algorithm<Result> {
  return { name: 'suite', run }
}

/** Puts the train dataset into the queue and waits until all of it is finished; answers the ids. */
export async function runAll(
  { store, trainDataset, signal }: AlgorithmContext,
  more: Partial<EnqueueRolloutRequest> = {},
): Promise<readonly string[]> {
  const rolloutIds = await enqueue(store, Array.from(trainDataset), more)
  await store.waitForRollouts({ rolloutIds, signal })
  return rolloutIds
}

export async function enqueue(
  store: LightningStore,
  tasks: readonly unknown[],
  more: Partial<EnqueueRolloutRequest> = {},
): Promise<readonly string[]> {
  const rollouts = await store.enqueueManyRollouts({ rollouts: tasks.map((input) => ({ ...more, input: input as number })) })
  return rollouts.map(({ rollout_id: id }) => id)
}
