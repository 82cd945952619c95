import { createApo, createOpenAiModel, type Target } from '@agl/algorithms'
import { createTasks, critiqueTemplate, editTemplate } from '@agl/shop-desk'
import { createTrainer } from '@agl/trainer'
import type { LightningStore, Llm, PromptTemplate, Tracer } from '@agl/types'
import { createAgents } from './agents.ts'

/** Improves the clerk's prompt; answers the version that was found. */
export async function improve(
  store: LightningStore,
  tracer: Tracer,
  { llm, prompt, seed }: { readonly llm: Llm; readonly prompt: PromptTemplate; readonly seed: number },
  signal: AbortSignal,
): Promise<Target> {
  const asEdit = (variable: string) => ({
    ...editTemplate,
    template: editTemplate.template.replace('{{ critique }}', `{{ ${variable} }}`),
  })
  const trainer = createTrainer({
    store,
    tracer,
    algorithm: createApo({
      model: createOpenAiModel({ baseUrl: llm.endpoint, model: llm.model }),
      templates: {
        critique: [critiqueTemplate],
        edit: [editTemplate],
        repair: [asEdit('problem')],
        merge: [asEdit('other_template')],
      },
      beamWidth: 3,
      branchFactor: 4,
      beamRounds: 7,
      gradientBatchSize: 3,
      valBatchSize: 24,
      seed,
    }),
    initialResources: { llm, prompt },
    runner: { concurrency: 32 },
  })
  const [train, val] = [createTasks(seed, 48), createTasks(seed + 1_000, 72)]
  const { resourcesId, resourcesVersion: version } = await trainer.fit(createAgents(), train, { valDataset: val, signal })
  return { resourcesId, version }
}
