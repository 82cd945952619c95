// What recording costs, and turning what was recorded into training data. See `--help` and docs/benchmarks.md.
import { type Bench, runBench } from '../lib/bench.ts'
import { adapterScenarios } from './adapters.ts'
import { agentOverhead } from './agent-overhead.ts'
import { recordingScenarios } from './recording.ts'

const bench: Bench = { name: 'trace', scenarios: [...recordingScenarios, agentOverhead, ...adapterScenarios] }

process.exitCode = await runBench(bench)
