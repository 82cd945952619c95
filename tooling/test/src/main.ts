// Runs every check and every test, and ends with one line: `N passed, N failed`. See `--help`.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { constants } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { addCounts, type Counts, countStep, countVitest, formatCounts } from './counts.ts'
import { type Step, steps, stepTimeoutMs } from './steps.ts'

const root = path.resolve(import.meta.dirname, '../../..')

const help = `npm test -- [--only=<step>,...]

Runs these steps in order; a failed one does not stop the next. Ends with "N passed, N failed".

${steps.map(({ name, title }) => `  ${name.padEnd(12)}${title}`).join('\n')}
`

function chooseSteps(only: string | undefined): readonly Step[] {
  if (only === undefined) return steps
  const names = only.split(',')
  const unknown = names.filter((name) => !steps.some((step) => step.name === name))
  if (unknown.length > 0) {
    throw new TypeError(
      `--only: there is no step "${unknown.join('", "')}"; there are ${steps.map(({ name }) => name).join(', ')}.`,
    )
  }
  return steps.filter(({ name }) => names.includes(name))
}

/** The step that is running. On POSIX it leads a process group of its own, so that everything it started ends with it. */
let running: ChildProcess | undefined
/** Set by the first signal: no further step starts. */
let isStopping = false

function killRunning(signal: NodeJS.Signals): void {
  if (running?.pid === undefined) return
  try {
    if (process.platform === 'win32') running.kill(signal)
    else process.kill(-running.pid, signal)
  } catch {
    // It has ended in the meantime.
  }
}

function runProgram([program, ...args]: Step['command']): Promise<boolean> {
  return new Promise((resolve) => {
    const isWindows = process.platform === 'win32'
    // A shell only on Windows, where the programs of node_modules/.bin are scripts; no argument needs quoting.
    const shell = isWindows && program !== 'node'
    running = spawn(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], shell, detached: !isWindows })
    // A test in an endless loop cannot be stopped by its own time limit.
    const timer = setTimeout(() => {
      console.log(`${program} was stopped after ${stepTimeoutMs / 1000} s`)
      killRunning('SIGKILL')
    }, stepTimeoutMs)
    running.on('error', (error) => {
      clearTimeout(timer)
      console.log(`${program} could not be started: ${error.message}`)
      resolve(false)
    })
    running.on('exit', (code) => {
      clearTimeout(timer)
      // Whatever it left running (a server, a worker in a loop) must not outlive it.
      killRunning('SIGKILL')
      resolve(code === 0)
    })
  })
}

async function runStep({ title, command, report }: Step): Promise<Counts> {
  console.log(`\n── ${title} ${'─'.repeat(Math.max(0, 76 - title.length))}`)
  if (report !== undefined) {
    // A report of the run before must not be taken for this one's.
    await rm(path.join(root, report), { force: true })
    await mkdir(path.dirname(path.join(root, report)), { recursive: true })
  }
  const start = performance.now()
  const isOk = await runProgram(command)
  const counts =
    report === undefined ? countStep(isOk) : countVitest(await readFile(path.join(root, report), 'utf8').catch(() => null), isOk)
  console.log(`${counts.failed === 0 ? 'ok' : 'FAILED'} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  return counts
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
  if (values.help === true) {
    console.log(help)
    return 0
  }
  const chosen = chooseSteps(values.only)
  // Nobody outside this machine needs to know that tests ran.
  Object.assign(process.env, { TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      isStopping = true
      killRunning(signal)
      setTimeout(() => {
        killRunning('SIGKILL')
        process.exit(128 + constants.signals[signal])
      }, 500)
    })
  }

  const start = performance.now()
  const all: { readonly name: string; readonly counts: Counts }[] = []
  for (const step of chosen) {
    if (!isStopping) all.push({ name: step.name, counts: await runStep(step) })
  }
  const total = addCounts(all.map(({ counts }) => counts))
  const failedSteps = all.filter(({ counts }) => counts.failed > 0).map(({ name }) => name)
  console.log(`\n${chosen.length} steps in ${((performance.now() - start) / 1000).toFixed(1)} s`)
  if (failedSteps.length > 0) console.log(`Failed: ${failedSteps.join(', ')} (one alone: npm test -- --only=${failedSteps[0]})`)
  console.log(formatCounts(total))
  return total.failed > 0 ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof TypeError)) throw error
  console.log(error.message)
  process.exitCode = 2
}
