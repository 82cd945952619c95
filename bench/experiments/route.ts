import { hash } from 'node:crypto'
import { createExperiment, routeResources } from '@agl/algorithms'
import { createMemoryStore } from '@agl/store-memory'
import { interleave } from '../lib/interleave.ts'
import { measureCost, spreadOf } from '../lib/measure.ts'
import { atMost, measuredPeer, type Result } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'

interface Request {
  readonly customer: string
}

export const route: Scenario = {
  name: 'experiment-route',
  title: 'which version a customer gets, in a service that has the experiment open, with 2 and with 4 arms',
  async run({ isShort, rounds }) {
    const requests = Array.from({ length: isShort ? 20_000 : 200_000 }, (_, index): Request => ({
      customer: `customer-${index}`,
    }))
    return [await measure(2, '', requests, rounds), await measure(4, '-4-arms', requests, rounds)]
  },
}

async function measure(arms: number, suffix: string, requests: readonly Request[], rounds: number): Promise<Result> {
  const store = createMemoryStore()
  const names = Array.from({ length: arms }, (_, index) => `arm-${index}`)
  const experiment = createExperiment<Request>({
    name: 'routing',
    arms: Object.fromEntries(
      names.map((arm) => [
        arm,
        { resources: { prompt: { resource_type: 'prompt_template', template: arm, engine: 'f-string' } } },
      ]),
    ),
    assign: { by: 'key', key: ({ customer }) => customer },
  })
  const live = await experiment.open({ store })
  try {
    const samples = await interleave(
      { rounds },
      {
        ours: () =>
          measureCost(requests.length, () => {
            for (const request of requests) routeResources(live, request)
          }),
        peer: () =>
          measureCost(requests.length, () => {
            for (const { customer } of requests) for (const arm of names) hash('sha256', `routing\0${arm}\0${customer}`, 'hex')
          }),
      },
    )
    return {
      name: `experiment-route${suffix}`,
      unit: 'us per call',
      better: 'lower',
      ours: spreadOf(samples.ours.map(({ wallUs }) => wallUs)),
      peer: measuredPeer(
        'its hashes alone',
        samples.peer.map(({ wallUs }) => wallUs),
      ),
      target: atMost('value', 5),
    }
  } finally {
    await live.close()
    await store.close()
  }
}
