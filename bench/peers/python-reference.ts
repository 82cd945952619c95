/**
 * What the Python reference (agent-lightning 0.3.0, in process, `thread_safe`, spans added in bulk) reached beside this
 * project's first store on two vCPU of an AMD EPYC at load 2: frozen here, because a bench must not need Python.
 * Rollouts per second, wall-clock, each with 10 std spans.
 */
export const referenceLifecycle: { readonly typical: number; readonly range: readonly [number, number] } = Object.freeze({
  typical: 1_315,
  range: [1_200, 1_430] as const,
})

/** CPU milliseconds of one look of its `wait_for_rollouts` at 5,000 ids, which it repeats until all are finished. */
export const referenceWaitPollMs = 51
