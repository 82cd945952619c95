// What running agents costs: under each strategy, and in the shapes that the Python reference has published. See `--help` and docs/benchmarks.md.
import { type Bench, runBench } from '../lib/bench.ts'
import { strategyOverhead } from './overhead.ts'
import { publishedScenarios } from './scenarios.ts'

const bench: Bench = { name: 'run', scenarios: [strategyOverhead, ...publishedScenarios] }

process.exitCode = await runBench(bench)
