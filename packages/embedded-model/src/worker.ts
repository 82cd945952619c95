/**
 * The thread of the model. It and what it imports load by relative paths only, types apart, so that it starts from the
 * sources and from the build alike without a package condition.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { createEngine } from './engine.ts'
import type { EngineData, FromEngine, ToEngine } from './protocol.ts'

const port = parentPort
if (port === null) throw new Error('worker.ts runs as a worker thread only')

const engine = createEngine(workerData as EngineData, (message: FromEngine) => port.postMessage(message))
port.on('message', (message: ToEngine) => engine.receive(message))
port.postMessage({ kind: 'ready' } satisfies FromEngine)
