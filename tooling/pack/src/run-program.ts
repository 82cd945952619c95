import { spawn } from 'node:child_process'

export interface ProgramResult {
  readonly isOk: boolean
  /** What it wrote to stdout and stderr, trimmed. */
  readonly output: string
}

/** Runs a program to its end with its output kept; one that takes longer than `timeoutMs` (60 s) is killed. */
export function runProgram(
  program: string,
  args: readonly string[],
  { cwd, timeoutMs = 60_000 }: { readonly cwd: string; readonly timeoutMs?: number },
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    // A shell only on Windows, where npm, pnpm and tsc are scripts; no argument needs quoting.
    const shell = process.platform === 'win32' && program !== process.execPath
    const child = spawn(program, args, {
      cwd,
      shell,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.on('error', (error) => resolve({ isOk: false, output: error.message }))
    child.on('close', (code, signal) => {
      const reason = signal === 'SIGKILL' ? `\n${program} was stopped after ${timeoutMs / 1000} s` : ''
      resolve({ isOk: code === 0, output: `${output}${reason}`.trim() })
    })
  })
}
