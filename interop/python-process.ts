import { execFile, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('python/', import.meta.url))

/** Settings of the machine that OpenTelemetry's exporter in Python would follow instead of the store's address. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_')))

export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(command: string, args: readonly string[], timeoutMs: number): Promise<Finished> {
  const options = { cwd: folder, env: environment, timeout: timeoutMs, maxBuffer: 64 * 2 ** 20 }
  return new Promise((resolve) => {
    const child = execFile(command, args, options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

let python: Promise<string> | undefined

/** Makes the environment when it is not there, which takes longer than a test may: for `beforeAll`. */
export function preparePython(): Promise<string> {
  return (python ??= findPython())
}

/** The Python of `set-up.mjs`. */
async function findPython(): Promise<string> {
  const { code, stdout, stderr } = await run(process.execPath, ['set-up.mjs'], 600_000)
  if (code !== 0) throw new Error(`interop/python/set-up.mjs ended with ${code}:\n${stderr}`)
  return stdout.trim()
}

/** Runs one of the scripts of `interop/python` to its end; without an exit code it was killed, which counts as -1. */
export async function runPython(script: string, args: readonly string[], timeoutMs = 110_000): Promise<Finished> {
  return await run(await preparePython(), [script, ...args], timeoutMs)
}

/** The values of the lines that a script printed. */
export function jsonLines(finished: Finished): unknown[] {
  const lines = finished.stdout.split('\n').filter((line) => line !== '')
  if (lines.length === 0) throw new Error(`expected lines of JSON, got none; exit code ${finished.code}:\n${finished.stderr}`)
  return lines.map((line) => JSON.parse(line) as unknown)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error(`expected a port, got ${String(address)}`)
  return address.port
}

/** The Python package's own `agl store` on a port of its own. */
export async function startPythonServer(): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const path = await preparePython()
  const port = await freePort()
  const args = ['agl.py', 'store', '--host', '127.0.0.1', '--port', String(port), '--log-level', 'ERROR']
  const child = spawn(path, args, { cwd: folder, env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const close = async (): Promise<void> => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(timer)
  }
  const url = `http://127.0.0.1:${port}`
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(50)) {
    if (child.exitCode !== null) break
    const reply = await fetch(`${url}/v1/agl/health`).catch(() => null)
    if (reply?.ok === true) return { url, close }
  }
  await close()
  throw new Error(`The Python server did not answer within 30 s:\n${said}`)
}
