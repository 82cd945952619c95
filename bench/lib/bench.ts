import { execFileSync } from 'node:child_process'
import { cpus, loadavg, totalmem } from 'node:os'
import { inspect } from 'node:util'
import { chooseByName, parseBenchArguments } from './args.ts'
import { type ResultLine, toLine } from './result.ts'
import { type BenchContext, NotAvailable, type Scenario } from './scenario.ts'
import { formatRow, formatTable, type Row } from './table.ts'

export interface Bench {
  /** As in `pnpm bench:<name>`. */
  readonly name: string
  readonly scenarios: readonly Scenario[]
}

/**
 * Runs a bench from the command line. The answer is the exit status: 0 also when targets are missed, because figures are
 * for people to judge; 1 when a scenario broke; 2 for arguments that there are not.
 */
export async function runBench(bench: Bench, args: readonly string[] = process.argv.slice(2)): Promise<number> {
  let given, chosen
  try {
    given = parseBenchArguments(args)
    chosen = chooseByName(bench.scenarios, given.only)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 2
  }
  if (given.isHelp) {
    console.log(helpOf(bench))
    return 0
  }
  const closers: (() => Promise<void>)[] = []
  const context: BenchContext = {
    isShort: given.isShort,
    rounds: given.isShort ? 3 : 5,
    onEnd: (close) => void closers.push(close),
  }
  const start = performance.now()
  const loadBefore = formatLoad()
  const rows: Row[] = []
  let broken = 0
  for (const scenario of chosen) {
    if (!given.isJson) process.stderr.write(`${scenario.name} ...\n`)
    const { rows: found, isBroken } = await runScenario(scenario, context)
    rows.push(...found)
    if (!given.isJson) for (const row of found) process.stderr.write(`  ${formatRow(row)}\n`)
    if (isBroken) broken++
    if (given.isJson) for (const row of found) console.log(JSON.stringify(lineOf(row)))
  }
  for (const close of closers) await close()
  if (!given.isJson) {
    console.log(`\n${describeMachine()}`)
    console.log(`load average ${loadBefore} before, ${formatLoad()} after; ${((performance.now() - start) / 1000).toFixed(0)} s`)
    console.log(
      `${context.rounds} rounds${given.isShort ? ' (--short: smaller amounts, figures for a look only)' : ''}; medians\n`,
    )
    console.log(formatTable(rows))
  }
  return broken > 0 ? 1 : 0
}

async function runScenario(
  scenario: Scenario,
  context: BenchContext,
): Promise<{ readonly rows: readonly Row[]; readonly isBroken: boolean }> {
  try {
    const results = await scenario.run(context)
    return { rows: results.map((result) => ({ kind: 'result', result })), isBroken: false }
  } catch (error) {
    if (error instanceof NotAvailable) {
      return { rows: [{ kind: 'missing', name: scenario.name, reason: 'not available' }], isBroken: false }
    }
    // One scenario that breaks must not hide the figures of the others.
    process.stderr.write(`${scenario.name} broke: ${inspect(error)}\n`)
    return { rows: [{ kind: 'missing', name: scenario.name, reason: 'BROKEN' }], isBroken: true }
  }
}

function lineOf(row: Row): ResultLine {
  if (row.kind === 'result') return toLine(row.result)
  return {
    scenario: row.name,
    value: null,
    unit: row.reason,
    peer: null,
    peer_value: null,
    ratio: null,
    better: 'lower',
    target: null,
  }
}

function helpOf({ name, scenarios }: Bench): string {
  const width = Math.max(...scenarios.map((scenario) => scenario.name.length)) + 2
  return `pnpm bench:${name} [--short] [--json] [--only=<scenario>,...]

  --short   smaller amounts: under a minute in all
  --json    one line per result: {scenario, value, unit, peer, peer_value, ratio, better, target};
            ratio = ours / peer; value null = not available
  --only    some scenarios; "flat-cost-*" takes all that begin so

${scenarios.map((scenario) => `  ${scenario.name.padEnd(width)}${scenario.title}`).join('\n')}

What each one means: docs/benchmarks.md`
}

function formatLoad(): string {
  return loadavg()
    .map((load) => load.toFixed(2))
    .join(' ')
}

function describeMachine(): string {
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${new Date().toISOString()}  Node ${process.version}, V8 ${process.versions.v8}, ${process.platform}-${process.arch}, ${cpus().length} x ${cpu?.model.trim() ?? 'unknown'}, ${memory}; commit ${describeCommit()}`
}

function describeCommit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}
