/** What tests of a store and of its users need; without a test runner. */
export { createManualClock, type ManualClock } from './manual-clock.ts'
export { createMockStore, type MockAnswer, type MockStore, type MockStoreOptions, type StoreVerb } from './mock-store.ts'
export { createSeededIds } from './seeded-ids.ts'
export { rewardOf, spanOf } from './spans.ts'
