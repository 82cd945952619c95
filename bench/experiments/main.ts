// What is claimed of experiments, held against simulated worlds. See `--help` and docs/benchmarks.md.
import { type Bench, runBench } from '../lib/bench.ts'
import { assignment } from './assignment.ts'
import { guard } from './guard.ts'
import { latencyOrder } from './latency-order.ts'
import { nothingThere } from './null.ts'
import { power } from './power.ts'
import { route } from './route.ts'

const bench: Bench = { name: 'experiments', scenarios: [nothingThere, latencyOrder, power, guard, assignment, route] }

process.exitCode = await runBench(bench)
