// What the stores cost. See `--help` and docs/benchmarks.md.
import { type Bench, runBench } from '../lib/bench.ts'
import { boundedMemory } from './bounded-memory.ts'
import { deadlineSweep } from './deadline-sweep.ts'
import { flatCosts } from './flat-cost.ts'
import { inprocLifecycle } from './inproc-lifecycle.ts'
import { inprocSpanIngestStd, inprocSpanIngestTok } from './inproc-span-ingest.ts'
import { memoryFootprintStd, memoryFootprintTok } from './memory-footprint.ts'
import { sqliteLifecycle, sqliteWake } from './sqlite.ts'
import { waitLatency } from './wait-latency.ts'

// The processes that stay until the end come last: nothing else is measured beside the memory that they hold.
const bench: Bench = {
  name: 'store',
  scenarios: [
    inprocLifecycle,
    inprocSpanIngestStd,
    inprocSpanIngestTok,
    waitLatency,
    deadlineSweep,
    memoryFootprintStd,
    memoryFootprintTok,
    boundedMemory,
    sqliteWake,
    sqliteLifecycle,
    ...flatCosts('sqlite'),
    ...flatCosts('memory'),
  ],
}

process.exitCode = await runBench(bench)
