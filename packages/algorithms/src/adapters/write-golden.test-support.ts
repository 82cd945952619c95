/** Rewrites what is expected of the golden traces: `pnpm --filter @agl/algorithms golden --write`; then read the difference. */
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { answerGolden, readGoldenTraces } from './golden.test-support.ts'

const isWriting = process.argv.includes('--write')
let changed = 0
for (const [path, golden] of readGoldenTraces()) {
  const { triplets: _triplets, messages: _messages, rows: _rows, findings: _findings, ...trace } = golden
  const answered = { ...trace, ...answerGolden(golden) }
  if (JSON.stringify(answered) === JSON.stringify(golden)) continue
  changed += 1
  process.stdout.write(`${isWriting ? 'wrote' : 'differs'}: ${path}\n`)
  if (isWriting) writeFileSync(path, `${JSON.stringify(answered, null, 1)}\n`)
}
process.stdout.write(
  isWriting ? `${changed} files written; run pnpm format\n` : `${changed} files differ; --write rewrites them\n`,
)
