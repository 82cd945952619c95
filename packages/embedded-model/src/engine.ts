import { EngineError } from './engine-error.ts'
import type { EngineCalls, EngineData, FinishedGeneration, FromEngine, ToEngine, VersionedGeneration } from './protocol.ts'
import { createLearner } from './transformer/learner.ts'
import { createNetwork } from './transformer/network.ts'
import { createSampler, type Generation } from './transformer/sampler.ts'

interface Waiting {
  readonly id: number
  readonly request: VersionedGeneration
}

/** The worker thread without the thread: takes messages, answers through `send`. */
export interface Engine {
  receive(message: ToEngine): void
}

/**
 * Training calls run at once and in order. Sampling runs one token of all active completions at a time and lets messages
 * in between, so completions join and leave at every token, and training does not wait for them. Only one version is
 * sampled at a time: while requests for another one wait, no more join the present one.
 */
export function createEngine(data: EngineData, send: (message: FromEngine) => void): Engine {
  const network = createNetwork(data.architecture, data.limits)
  const learner = createLearner(network)
  const sampler = createSampler(network, data.vocabulary)
  const versions = new Map([[data.version, data.weights]])
  const running = new Map<Generation, Waiting>()
  let waiting: Waiting[] = []
  let servedVersion: string | undefined
  let isScheduled = false
  learner.load(data.weights)

  const weightsOf = (version: string): Float32Array => {
    const weights = versions.get(version)
    if (weights === undefined) throw new EngineError('not_found', `There is no version ${version}.`)
    return weights
  }

  const admitWaiting = (): readonly Generation[] => {
    const first = waiting[0]
    if (first === undefined || sampler.freeSlots === 0) return []
    if (sampler.active.length === 0 && servedVersion !== first.request.version) {
      sampler.load(weightsOf(first.request.version))
      servedVersion = first.request.version
    }
    if (sampler.active.length > 0 && waiting.some(({ request }) => request.version !== servedVersion)) return []
    const admitted = waiting.filter(({ request }) => request.version === servedVersion).slice(0, sampler.freeSlots)
    waiting = waiting.filter((candidate) => !admitted.includes(candidate))
    const generations = sampler.admit(admitted.map(({ request }) => request))
    generations.forEach((generation, index) => running.set(generation, admitted[index]!))
    return generations
  }

  const report = (generation: Generation): void => {
    const { id, request } = running.get(generation)!
    if (request.stream) send({ kind: 'token', id, token: generation.last })
    if (generation.finishReason === undefined) return
    running.delete(generation)
    send({ kind: 'result', id, result: finished(generation, generation.finishReason) })
  }

  const tick = (): void => {
    isScheduled = false
    admitWaiting().forEach(report)
    if (sampler.active.length > 0) sampler.step().forEach(report)
    schedule()
  }

  // setImmediate lets the messages that have arrived in first.
  const schedule = (): void => {
    if (isScheduled || (waiting.length === 0 && sampler.active.length === 0)) return
    isScheduled = true
    setImmediate(tick)
  }

  const cancel = (id: number): void => {
    waiting = waiting.filter((candidate) => candidate.id !== id)
    for (const [generation, { id: candidate }] of running) {
      if (candidate !== id) continue
      sampler.drop(generation)
      running.delete(generation)
    }
  }

  const assertUnused = (version: string): void => {
    if (waiting.some(({ request }) => request.version === version)) {
      throw new EngineError('conflict', `Version ${version} still has requests waiting for it.`)
    }
  }

  const answer = (message: Exclude<ToEngine, { kind: 'cancel' | 'sample' }>): EngineCalls[keyof EngineCalls]['result'] => {
    switch (message.kind) {
      case 'forwardBackward':
        return learner.forwardBackward(message.request.data, message.request.loss)
      case 'optimStep':
        return learner.optimStep(message.request)
      case 'saveState':
        versions.set(message.request.version, learner.weights())
        return null
      case 'loadState':
        learner.load(weightsOf(message.request.version))
        return null
      case 'deleteState':
        assertUnused(message.request.version)
        versions.delete(message.request.version)
        // The name may come back with other weights.
        if (servedVersion === message.request.version) servedVersion = undefined
        return null
      case 'exportState':
        return weightsOf(message.request.version).slice()
    }
  }

  return {
    receive(message) {
      if (message.kind === 'cancel') {
        cancel(message.id)
        return
      }
      try {
        if (message.kind === 'sample') {
          weightsOf(message.request.version)
          waiting.push(message)
          schedule()
        } else {
          send({ kind: 'result', id: message.id, result: answer(message) })
        }
      } catch (error) {
        const code = error instanceof EngineError ? error.code : 'internal'
        send({ kind: 'error', id: message.id, code, message: error instanceof Error ? error.message : String(error) })
      }
    },
  }
}

function finished({ tokens, logprobs, text }: Generation, finishReason: 'stop' | 'length'): FinishedGeneration {
  return { tokens, logprobs, text, finishReason }
}
