import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import type { DriverJob } from './driver.ts'
import { foldersOf, isAlive, patienceMs, processFolder, type StrategyContractOptions, until } from './harness.ts'
import { extension } from './tasks.ts'

const limit = { timeout: 3 * patienceMs }

interface Program {
  readonly process: ChildProcess
  readonly said: readonly string[]
  /** Of the processes that run agents. */
  readonly pids: () => readonly number[]
}

/** Starts a program with two runners at work. */
async function startProgram(
  options: StrategyContractOptions,
  job: Pick<DriverJob, 'agent' | 'shutdownGraceMs'>,
): Promise<Program> {
  const { folder, pids } = processFolder()
  const whole: DriverJob = { ...job, strategy: options.strategy, tasks: [folder, folder] }
  const program = fork(fileURLToPath(new URL(`./driver.${extension}`, import.meta.url)), [JSON.stringify(whole)], {
    execArgv: extension === 'ts' ? ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning'] : [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  // After a test that failed, too.
  onTestFinished(() => {
    for (const pid of [program.pid!, ...pids()].filter(isAlive)) process.kill(pid, 'SIGKILL')
  })
  const said: string[] = []
  program.on('message', (message) => void said.push(String(message)))
  await until(() => pids().length === (options.hasProcesses ? 2 : 1))
  return { process: program, said, pids }
}

/** Nothing of it is left: no process, no file. */
async function expectNothingLeft({ process: { pid }, pids }: Program): Promise<void> {
  await until(() => [pid!, ...pids()].every((each) => !isAlive(each)))
  await until(() => foldersOf(pid!).length === 0)
}

/** A Ctrl-C, which the terminal sends to the program and all its children. */
function pressCtrlC({ process: program, pids }: Program): void {
  program.kill('SIGINT')
  for (const pid of pids()) if (pid !== program.pid) process.kill(pid, 'SIGINT')
}

/** What holds for whole programs. */
export function describePrograms(options: StrategyContractOptions): void {
  // oxlint-disable-next-line vitest/expect-expect -- what is looked at asserts
  test.each(['stubborn', 'blocking'])('a program that is killed leaves nothing behind (%s agents)', limit, async (agent) => {
    const program = await startProgram(options, { agent, shutdownGraceMs: 60_000 })
    program.process.kill('SIGKILL')
    await expectNothingLeft(program)
  })

  test('the first Ctrl-C ends the run in an orderly way', limit, async () => {
    const program = await startProgram(options, { agent: 'endless', shutdownGraceMs: 100 })
    const exited = once(program.process, 'exit')
    pressCtrlC(program)
    expect(await exited).toEqual([0, null])
    expect(program.said).toEqual(['aborted', expect.stringContaining('Interrupted by SIGINT')])
    await expectNothingLeft(program)
  })

  test('the second Ctrl-C ends the program at once', limit, async () => {
    const program = await startProgram(options, { agent: 'stubborn', shutdownGraceMs: 60_000 })
    const exited = once(program.process, 'exit')
    pressCtrlC(program)
    await until(() => program.said.length > 0)
    pressCtrlC(program)
    expect(await exited).toEqual([130, null])
    await expectNothingLeft(program)
  })
}
