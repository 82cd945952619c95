import { describe, expect, test } from 'vitest'
import { checkStoreModel, type StoreModelOptions } from './check-model.ts'

export type { StoreModelOptions } from './check-model.ts'

/** Registers {@link checkStoreModel} as a test: a short run for every day, a long one by `runs`. */
export function describeStoreModel(options: StoreModelOptions): void {
  const { runs = 200 } = options
  describe(`${options.name}: store model`, () => {
    // A tenth of a second per sequence is what a store over the network may need.
    test(`${runs} random sequences of commands agree with the model`, { timeout: 20_000 + runs * 100 }, async () => {
      await expect(checkStoreModel(options)).resolves.toBeUndefined()
    })
  })
}
