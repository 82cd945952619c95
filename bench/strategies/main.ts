// What the strategies of a trainer cost. See `--help` and docs/benchmarks.md.
import { type Bench, runBench } from '../lib/bench.ts'
import { strategyOverhead } from './overhead.ts'

const bench: Bench = { name: 'strategies', scenarios: [strategyOverhead] }

process.exitCode = await runBench(bench)
