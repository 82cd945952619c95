import { describeStoreModel } from '@agl/store-kit/conformance'
import { createManualClock } from '@agl/store-kit/testing'
import { createMemoryStore } from './create-memory-store.ts'

/*
 * A long run, to be done after each change of the state machine (2 minutes for 100,000 sequences):
 *   AGL_MODEL_RUNS=100000 AGL_MODEL_SEED=1 vitest run packages/store-memory/src/model.test.ts
 */
const { AGL_MODEL_RUNS: runs = '200', AGL_MODEL_SEED: seed } = process.env

describeStoreModel({
  name: 'MemoryStore',
  runs: Number(runs),
  maxCommands: 45,
  ...(seed === undefined ? {} : { seed: Number(seed) }),
  create() {
    const clock = createManualClock()
    const store = createMemoryStore({ clock, seed: 1 })
    return { store, advance: clock.advance, close: () => store.close() }
  },
})
