import type { AttemptedRollout, Span } from '@agl/types'
import { interleave } from '../lib/interleave.ts'
import { spreadOf } from '../lib/measure.ts'
import { atMost, measuredPeer, type Result, type Target } from '../lib/result.ts'
import type { Scenario } from '../lib/scenario.ts'
import { spanTexts } from '../peers/spans.ts'
import { type Driver, openDriver } from './driver.ts'
import { benchToken } from './side.ts'

const bodyBytes = 1024
const workers = 64

/** What `make` makes of a text so long that its JSON has the bytes of a body of these scenarios. */
function filled<Body>(make: (filler: string) => Body): Body {
  return make('x'.repeat(Math.max(0, bodyBytes - Buffer.byteLength(JSON.stringify(make(''))))))
}

interface Tax {
  readonly name: string
  readonly title: string
  /** Makes the body of each request. */
  readonly prepare: (started: readonly AttemptedRollout[]) => (index: number) => { readonly path: string; readonly body: object }
  readonly targets: { readonly bare: Target; readonly full: Target }
}

const hot: Tax['targets'] = { bare: atMost('ratio', 1.3), full: atMost('ratio', 1.6) }
const statistics = { cpu_usage_pct: 12.5, mem_used_gb: 1, mem_total_gb: 24, disk_used_gb: 100, gpus: [] as readonly object[] }

let spans = 0

const taxes: readonly Tax[] = [
  {
    name: 'worker',
    title: 'POST workers/{id}, a heartbeat',
    targets: hot,
    prepare() {
      const body = filled((host) => ({ heartbeat_stats: { ...statistics, host } }))
      return (index) => ({ path: `/workers/Worker-${index % 1024}`, body })
    },
  },
  {
    name: 'span',
    title: 'POST spans',
    targets: hot,
    prepare(started) {
      const span = JSON.parse(spanTexts('std', 1)[0]!) as Span
      const attributes = { 'gen_ai.system': 'openai', 'gen_ai.usage.input_tokens': 123 }
      return (index) => {
        const { rollout_id, attempt } = started[index % started.length]!
        const ids = { rollout_id, attempt_id: attempt.attempt_id, sequence_id: index, span_id: `s${++spans}` }
        const body = filled((text) => ({
          ...span,
          ...ids,
          attributes: { ...attributes, 'gen_ai.prompt.0.content': text },
        }))
        return { path: '/spans', body }
      }
    },
  },
  {
    name: 'dequeue',
    title: 'POST queues/rollouts/dequeue of an empty queue',
    targets: hot,
    prepare: () => (index) => ({
      path: '/queues/rollouts/dequeue',
      body: filled((unknown) => ({ worker_id: `Worker-${index % 1024}`, limit: 1, unknown })),
    }),
  },
  {
    name: 'heartbeats',
    title: 'POST heartbeats, for one attempt',
    targets: hot,
    prepare: (started) => (index) => {
      const { rollout_id, attempt } = started[index % workers]!
      const body = { worker_id: attempt.worker_id, attempts: [{ rollout_id, attempt_id: attempt.attempt_id }] }
      return { path: '/heartbeats', body: filled((host) => ({ ...body, stats: { ...statistics, host } })) }
    },
  },
  {
    name: 'elsewhere',
    title: 'POST rollouts/{id}, new metadata',
    targets: { bare: atMost('value', 30), full: atMost('value', 30) },
    prepare: (started) => (index) => ({
      path: `/rollouts/${started[index % workers]!.rollout_id}`,
      body: filled((note) => ({ metadata: { index, note } })),
    }),
  },
]

const headers = { authorization: `Bearer ${benchToken}`, 'content-type': 'application/json' }

/** Bodies are made before the clock starts. */
async function measure(driver: Driver, tax: Tax, count: number): Promise<number> {
  const started: AttemptedRollout[] = []
  for (let index = 0; index < workers; index++) {
    const body = { input: index, worker_id: `Runner-${index}` }
    started.push((await driver.post('/rollouts', body, headers)) as AttemptedRollout)
  }
  const request = tax.prepare(started)
  const requests = Array.from({ length: count }, (_, index) => {
    const { path, body } = request(index)
    return { path: `/v1/agl${path}`, body: Buffer.from(JSON.stringify(body)) }
  })
  const cpuUs = await driver.measure(count, (index) => driver.send(requests[index]!.path, requests[index]!.body, headers))
  // What is finished may be dropped: the server's heap is to stay the same from round to round.
  for (const { rollout_id: id } of started) await driver.post(`/rollouts/${id}`, { status: 'succeeded' }, headers)
  return cpuUs
}

/** Scenario 11: what our server adds to a request, beside node:http with the same validation and the same store. */
export const expressTaxes: readonly Scenario[] = taxes.map((tax) => ({
  name: `express-tax-${tax.name}`,
  title: `${tax.title}, 1 kB; beside node:http over the same store`,
  run: async ({ isShort, rounds }) => {
    const count = isShort ? 2000 : 8000
    const [bare, full, raw] = await Promise.all([openDriver('ours, bare'), openDriver('ours, with tokens'), openDriver('raw')])
    const samples = await interleave(
      { rounds, warmUps: 2 },
      {
        ours: async () => ({ bare: await measure(bare, tax, count), full: await measure(full, tax, count) }),
        peer: () => measure(raw, tax, count),
      },
    )
    await Promise.all([bare.close(), full.close(), raw.close()])
    const shared = { unit: 'us server CPU', better: 'lower', peer: measuredPeer('node:http, same store', samples.peer) } as const
    const results: readonly Result[] = [
      {
        ...shared,
        name: `express-tax-${tax.name}`,
        ours: spreadOf(samples.ours.map((sample) => sample.bare)),
        target: tax.targets.bare,
        note: `${tax.title}; without tokens and metrics`,
      },
      {
        ...shared,
        name: `express-tax-${tax.name}-full`,
        ours: spreadOf(samples.ours.map((sample) => sample.full)),
        target: tax.targets.full,
        note: 'with a token and metrics',
      },
    ]
    return results
  },
}))
