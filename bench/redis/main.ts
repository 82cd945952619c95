// What the store on Redis costs. See `--help` and docs/benchmarks.md.
import { type Bench, runBench } from '../lib/bench.ts'
import { claims } from './claim.ts'
import { flatCosts } from './flat-cost.ts'
import { ingests } from './ingest.ts'
import { lifecycles } from './lifecycle.ts'
import { memory } from './memory.ts'
import { pickups } from './pickup.ts'

const bench: Bench = { name: 'redis', scenarios: [...lifecycles, ...claims, ...ingests, ...pickups, ...flatCosts, memory] }

process.exitCode = await runBench(bench)
