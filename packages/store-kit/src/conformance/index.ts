/** The behaviour of a `LightningStore` as tests (vitest). A store passes when it passes all that its capabilities name. */
import { describe } from 'vitest'
import { createSuite, type StoreContractOptions } from './harness.ts'
import { topics } from './topics.ts'

export type { StoreContractOptions, StoreUnderTest } from './harness.ts'
export { describeStoreModel, type StoreModelOptions } from './model/describe-model.ts'
export { type Requirement, requirements } from './requirements.ts'

/**
 * Registers the suite for one store. Each test carries the id of the requirement that it checks, `[QUEUE-03]`;
 * {@link requirements} lists them with their sources. Tests of features that the store does not declare are skipped.
 */
export function describeStoreContract(options: StoreContractOptions): void {
  describe(`${options.name}: store contract`, () => {
    const suite = createSuite(options)
    for (const [title, describeTopic] of topics) {
      describe(`${title}`, () => {
        describeTopic(suite)
      })
    }
  })
}
