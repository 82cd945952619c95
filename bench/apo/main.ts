// How well APO searches, beside the Python package's own, in a world where every prompt has a known worth. See `--help` and docs/benchmarks.md.
import { type Bench, runBench } from '../lib/bench.ts'
import { falseAndTrueFinds, honesty } from './honesty.ts'
import { resume } from './resume.ts'
import { score } from './score.ts'
import { wall } from './wall.ts'

const bench: Bench = { name: 'apo', scenarios: [score, honesty, falseAndTrueFinds, resume, wall] }

process.exitCode = await runBench(bench)
