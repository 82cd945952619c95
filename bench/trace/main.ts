// What recording costs, and turning what was recorded into training data. See `--help` and docs/benchmarks.md.
import { type Bench, runBench } from '../lib/bench.ts'
import { recordingScenarios } from './recording.ts'

const bench: Bench = { name: 'trace', scenarios: [...recordingScenarios] }

process.exitCode = await runBench(bench)
