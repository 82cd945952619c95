/** The behaviour of a `LightningStore` as tests (vitest). A store passes when it passes all of them. */
import { describe } from 'vitest'
import { describeAttempts } from './attempts.ts'
import { describeCancel } from './cancel.ts'
import { describeClosing } from './closing.ts'
import { describeConcurrency } from './concurrency.ts'
import { createHarness, type StoreContractOptions } from './harness.ts'
import { describeLeases } from './leases.ts'
import { describeQueries } from './queries.ts'
import { describeQueue } from './queue.ts'
import { describeRandomWalks } from './random-walks.ts'
import { describeResources } from './resources.ts'
import { describeSpans } from './spans.ts'
import { describeWaiting } from './waiting.ts'
import { describeWorkers } from './workers.ts'

export type { StoreContractOptions, StoreUnderTest } from './harness.ts'

/** Registers the suite for one store. */
export function describeStoreContract(options: StoreContractOptions): void {
  describe(`${options.name}: store contract`, () => {
    const harness = createHarness(options)
    describeQueue(harness)
    describeAttempts(harness)
    describeLeases(harness)
    describeCancel(harness)
    describeSpans(harness)
    describeResources(harness)
    describeWorkers(harness)
    describeQueries(harness)
    describeWaiting(harness)
    describeConcurrency(harness)
    describeRandomWalks(harness)
    describeClosing(harness)
  })
}
