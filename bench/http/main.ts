// What the server costs. See `--help` and docs/benchmarks.md.
import { type Bench, runBench } from '../lib/bench.ts'
import { otlpIngests, querySpans } from './ingest.ts'
import { expressTaxes } from './express-tax.ts'
import { restMicros } from './rest-micro.ts'
import { parkedCalls, pickupLatency } from './waiting.ts'

const bench: Bench = {
  name: 'http',
  scenarios: [...restMicros, ...expressTaxes, ...otlpIngests, querySpans, pickupLatency, parkedCalls],
}

process.exitCode = await runBench(bench)
