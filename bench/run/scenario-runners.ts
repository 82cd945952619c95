// The runners of a scenario, in a process of their own. See scenarios.ts.
import { createRunner } from '@agl/runner'
import { createStoreClient } from '@agl/store-http/client'
import { createOtelTracer } from '@agl/tracer-otel'
import { serveParent } from '../lib/child.ts'
import { scenarioAgent } from './scenario-agent.ts'

export type RunnerVerbs = {
  /** Starts claiming; answers at once. */
  readonly start: (options: { readonly url: string; readonly concurrency: number }) => Promise<null>
  readonly stop: (none: null) => Promise<{ readonly attempts: number; readonly cpuUs: number }>
}

let stop: (() => Promise<number>) | null = null

serveParent<RunnerVerbs>({
  async start({ url, concurrency }) {
    const store = await createStoreClient({ url })
    const tracer = createOtelTracer()
    const runner = createRunner({ agent: scenarioAgent, store, tracer, concurrency })
    const stopping = new AbortController()
    const running = runner.run({ signal: stopping.signal })
    stop = async () => {
      stopping.abort()
      const { attempts } = await running
      await tracer.close()
      await store.close()
      return attempts
    }
    return null
  },
  async stop() {
    const attempts = await stop!()
    const { user, system } = process.cpuUsage()
    return { attempts, cpuUs: user + system }
  },
})
