import { type ApoResult, createApo, createRandom } from '@agl/algorithms'
import { createTasks, seedPrompt } from '@agl/shop-desk'
import { createOtelTracer } from '@agl/tracer-otel'
import { createTrainer } from '@agl/trainer'
import type { RunEvent } from '@agl/types'
import { createBabbler } from './babbler.ts'
import type { DeskModels } from './desk-models.ts'
import type { Settings } from './settings.ts'

/** One search, put together from the packages. @param isControl critiques and edits are random words */
export async function search(
  settings: Settings,
  models: DeskModels,
  parts: { readonly isControl: boolean; readonly onProgress: (event: RunEvent) => void; readonly signal: AbortSignal },
): Promise<ApoResult> {
  const { isControl, onProgress, signal } = parts
  const { rounds, beamWidth, branchFactor, mode, out } = settings
  const seeds = createRandom(settings.seed)
  const [train, val] = [createTasks(seeds.seed(), settings.train), createTasks(seeds.seed(), settings.validation)]
  const tracer = createOtelTracer()
  const trainer = createTrainer({
    algorithm: createApo({
      model: isControl ? createBabbler() : models.optimizer,
      templates: models.templates,
      mode,
      beamWidth,
      branchFactor,
      beamRounds: rounds,
      gradientBatchSize: 3,
      valBatchSize: 24,
      finalists: 2,
      testDataset: createTasks(settings.heldoutSeed, settings.heldout),
      seed: seeds.seed(),
      saveTo: isControl ? null : out,
    }),
    initialResources: {
      llm: models.llm,
      prompt: { resource_type: 'prompt_template', engine: 'f-string', template: seedPrompt },
    },
    tracer,
    runner: { concurrency: models.concurrency, attemptTimeoutMs: 120_000 },
    onProgress,
  })
  try {
    return await trainer.fit(models.agent, train, { valDataset: val, signal })
  } finally {
    await tracer.close()
    await trainer.close()
  }
}
