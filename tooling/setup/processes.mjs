// Starting other programs: quietly with their output kept for the case of failure, or in the foreground.
import { spawn, spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Something is missing that this script cannot get; the message says what, and what to do. */
export class SetupError extends Error {}

const isWindows = process.platform === 'win32'

/**
 * Runs a program to its end. On Windows the commands that npm installs are `.cmd` files, which only a shell can start;
 * no argument given here contains anything that a shell would read.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {{ ok: boolean, output: string }}
 */
export function run(command, args, { cwd = root, env = process.env } = {}) {
  const needsShell = isWindows && !path.isAbsolute(command)
  const result = spawnSync(command, args, {
    cwd,
    env,
    shell: needsShell,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error === undefined ? '' : result.error.message}`.trim()
  return { ok: result.status === 0, output }
}

/** npm, by the script that is running us where there is one: that needs no shell and is the npm the user chose. */
/** @param {string[]} args @param {{ env: NodeJS.ProcessEnv }} options */
export function runNpm(args, options) {
  const script = process.env['npm_execpath']
  return script !== undefined && path.basename(script) === 'npm-cli.js'
    ? run(process.execPath, [script, ...args], options)
    : run('npm', args, options)
}

/** Says what is being done and, when it is done, how long it took. @template T @param {string} what @param {() => T} work @returns {T} */
export function timed(what, work) {
  process.stderr.write(`setup: ${what} ... `)
  const start = performance.now()
  try {
    const result = work()
    process.stderr.write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`)
    return result
  } catch (error) {
    process.stderr.write('failed\n')
    throw error
  }
}

/** One line of what the set-up found. @param {string} line */
export function say(line) {
  process.stderr.write(`setup: ${line}\n`)
}

const networkTrouble =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|META_FETCH_FAIL|NETWORK_ERROR|FETCH_ERROR|error sending request|dns error|self.signed certificate|UNABLE_TO_(GET|VERIFY)/i

/**
 * What to say when an installation failed: the end of the program's own output, and what it means if the network is the reason.
 * @param {string} missing what is not on this machine
 * @param {string} output
 */
export function installationError(missing, output) {
  const shown = output.split('\n').slice(-15).join('\n')
  const advice = networkTrouble.test(output)
    ? `Missing: ${missing}. The npm registry (${process.env['npm_config_registry'] ?? 'https://registry.npmjs.org/'}) cannot be reached from here.\n` +
      'Connect to the network, or set npm_config_registry or HTTPS_PROXY, and run this again; once installed it works offline.'
    : `Missing: ${missing}, because its installation failed as shown above.`
  return new SetupError(`${shown}\n\n${advice}`)
}

/**
 * Runs a program in the foreground and ends as it ended. A terminal sends Ctrl-C to the program as well, so here it is only
 * waited out; the signals that reach this process alone are passed on.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<void>}
 */
export function runJob(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: 'inherit' })
    process.on('SIGINT', () => {})
    for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal))
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal]
      resolve()
    })
  })
}
