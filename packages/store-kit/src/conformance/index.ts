/** The behaviour of a `LightningStore` as tests (vitest). A store passes when it passes all that its capabilities name. */
import { parseOrThrow } from '@agl/types'
import { describe } from 'vitest'
import { z } from 'zod'
import { createSuite, type StoreContractOptions } from './harness.ts'
import { topics } from './topics.ts'

export type { StoreContractOptions, StoreUnderTest } from './harness.ts'
export { describeStoreModel, type StoreModelOptions } from './model/describe-model.ts'
export { type Requirement, requirements } from './requirements.ts'

const optionsSchema = z.looseObject({
  name: z.string().min(1),
  create: z.custom((value) => typeof value === 'function', { error: 'expected a function that makes a store' }),
})

/**
 * Registers the suite for one store. Each test carries the id of the requirement that it checks, `[QUEUE-03]`;
 * {@link requirements} lists them with their sources. Tests of features that the store does not declare are skipped.
 */
export function describeStoreContract(options: StoreContractOptions): void {
  parseOrThrow(optionsSchema, options, 'options of describeStoreContract')
  describe(`${options.name}: store contract`, () => {
    const suite = createSuite(options)
    for (const [title, describeTopic] of topics) {
      describe(`${title}`, () => {
        describeTopic(suite)
      })
    }
  })
}
