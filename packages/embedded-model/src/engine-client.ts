// oxlint-disable unicorn/require-post-message-target-origin -- worker threads have no origin
import { Worker } from 'node:worker_threads'
import { AglError } from '@agl/types'
import type { EngineCalls, EngineData, FromEngine, ToEngine } from './protocol.ts'
import type { SampledToken } from './transformer/sampler.ts'

/** The main thread's end of the worker: every call settles, also when the worker dies. */
export interface EngineClient {
  readonly isAlive: boolean
  call<K extends keyof EngineCalls>(
    kind: K,
    request: EngineCalls[K]['request'],
    options?: EngineCallOptions,
  ): Promise<EngineCalls[K]['result']>
  /** Ends the thread; calls in flight fail with `closed`. */
  close(): Promise<void>
}

export interface EngineCallOptions {
  /** Ends a `sample` call early. Other calls do not stop half-way. */
  readonly signal?: AbortSignal
  readonly onToken?: (token: SampledToken) => void
}

interface Pending {
  readonly resolve: (result: EngineCalls[keyof EngineCalls]['result']) => void
  readonly reject: (error: unknown) => void
  readonly onToken: ((token: SampledToken) => void) | undefined
}

/** From the sources the worker is TypeScript, from the build JavaScript. */
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/** Starts the thread and waits until it is ready. */
export async function startEngine(data: EngineData): Promise<EngineClient> {
  const worker = new Worker(workerUrl, {
    workerData: data,
    name: 'agl-embedded-model',
    // No flags of this process: they may name modules or conditions that mean nothing to the worker.
    execArgv: [],
    env: {},
    // What a step leaves behind is dead at once. Without a bound V8 lets it grow to 100 MB, at no gain in speed.
    resourceLimits: { maxYoungGenerationSizeMb: 16 },
  })
  const pending = new Map<number, Pending>()
  const ready = Promise.withResolvers<void>()
  let nextId = 1
  let death: AglError | undefined

  const die = (error: AglError): void => {
    death ??= error
    ready.reject(death)
    for (const { reject } of pending.values()) reject(death)
    pending.clear()
  }

  worker.on('message', (message: FromEngine) => {
    if (message.kind === 'ready') {
      ready.resolve()
      return
    }
    const call = pending.get(message.id)
    if (call === undefined) return
    if (message.kind === 'token') {
      call.onToken?.(message.token)
      return
    }
    pending.delete(message.id)
    if (message.kind === 'result') call.resolve(message.result)
    else call.reject(new AglError({ code: message.code, message: message.message }))
  })
  worker.on('error', (cause) => die(died(`it failed with ${describe(cause)}`, cause)))
  worker.on('exit', (exitCode) => die(died(`it ended with exit code ${exitCode}`)))

  await ready.promise
  return {
    get isAlive() {
      return death === undefined
    },
    call: (kind, request, { signal, onToken } = {}) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        if (death !== undefined) throw death
        const id = nextId++
        const abort = (): void => {
          pending.delete(id)
          worker.postMessage({ kind: 'cancel', id } satisfies ToEngine)
          reject(signal?.reason)
        }
        const settle =
          <T>(then: (value: T) => void) =>
          (value: T): void => {
            signal?.removeEventListener('abort', abort)
            then(value)
          }
        // The pair of kind and result is the worker's promise, which no type can follow across threads.
        worker.postMessage({ kind, id, request })
        pending.set(id, { resolve: settle(resolve as Pending['resolve']), reject: settle(reject), onToken })
        if (kind === 'sample') signal?.addEventListener('abort', abort, { once: true })
      }),

    async close() {
      die(new AglError({ code: 'closed', message: 'The embedded model has been closed.' }))
      await worker.terminate()
    },
  }
}

function died(how: string, cause?: unknown): AglError {
  return new AglError({
    code: 'model_worker_died',
    message: `The worker thread of the embedded model is gone: ${how}. Create a new model; versions that were not exported are lost.`,
    cause,
  })
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
