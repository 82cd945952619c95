// Makes interop/python/.venv with everything in requirements.txt, once: `node interop/python/set-up.mjs` prints its Python.
// `set-up.mjs apo` does the same with .venv-apo and requirements-apo.txt.
// Exit code 75: PyPI cannot be reached, so there is nothing to test with. Exit code 1: anything else, said on stderr.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const variant = process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2] !== undefined ? `-${process.argv[2]}` : ''
const environment = join(here, `.venv${variant}`)
const requirements = join(here, `requirements${variant}.txt`)
const stamp = join(environment, 'stamp')
const python = process.platform === 'win32' ? join(environment, 'Scripts', 'python.exe') : join(environment, 'bin', 'python')
const pip = ['-m', 'pip', 'install', '--no-deps', '--quiet', '--disable-pip-version-check', '--no-input']

/** What a failed attempt said; `isOffline` when it was the network. */
export class SetUpError extends Error {
  constructor(message, isOffline) {
    super(message)
    this.isOffline = isOffline
  }
}

// What pip, uv and fetch say when the index does not answer or something in between refuses.
const offline =
  /NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|NameResolutionError|connection broken|Temporary failure in name|Network is unreachable|Connection (refused|reset)|fetch failed|from versions: none|error sending request|HTTP error (403|407|5\d\d)|timed out/i

function run(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: 600_000 })
  const said = [result.error?.message, result.stdout, result.stderr].filter(Boolean).join('\n').trim()
  return { isOk: result.status === 0, said: `$ ${command} ${args.join(' ')}\n${said}` }
}

/** The first Python that is new enough: PYTHON, python3, python. */
function findPython() {
  const test = 'import sys; print(sys.version); sys.exit(sys.version_info < (3, 11))'
  const tried = [process.env.PYTHON, 'python3', 'python']
    .filter(Boolean)
    .map((command) => ({ command, ...run(command, ['-c', test]) }))
  const found = tried.find((one) => one.isOk)
  if (found) return { command: found.command, version: found.said.split('\n')[1] }
  throw new SetUpError(
    `Expected Python 3.11 or later as PYTHON, python3 or python, got:\n${tried.map((one) => one.said).join('\n')}`,
    false,
  )
}

const install = [...pip, '--requirement', requirements]

/** pip as a file, for a Python that comes without pip and without ensurepip: a wheel can be run where it lies. */
async function pipWheel(directory) {
  const index = await fetch('https://pypi.org/pypi/pip/json')
  if (!index.ok) throw new Error(`fetch failed: https://pypi.org answered ${index.status}`)
  const wheel = (await index.json()).urls.find((file) => file.packagetype === 'bdist_wheel')
  // Mirrors answer paths of their own.
  const bytes = Buffer.from(await (await fetch(new URL(wheel.url, index.url))).arrayBuffer())
  const digest = createHash('sha256').update(bytes).digest('hex')
  if (digest !== wheel.digests.sha256)
    throw new Error(`expected ${wheel.url} to have SHA-256 ${wheel.digests.sha256}, got ${digest}`)
  const path = join(directory, wheel.filename)
  writeFileSync(path, bytes)
  return join(path, 'pip')
}

/** Ways to make the environment, best first: Debian leaves ensurepip out of Python, some machines have only uv. */
const ways = [
  (base) => [run(base, ['-m', 'venv', environment]), () => run(python, install)],
  (base) => [
    run(base, ['-m', 'venv', '--without-pip', environment]),
    () => run(base, ['-m', 'pip', '--python', python, ...install.slice(2)]),
  ],
  (base) => [
    run('uv', ['venv', '--python', base, environment]),
    () => run('uv', ['pip', 'install', '--python', python, ...install.slice(3, 4), '--requirement', requirements]),
  ],
  (base) => [
    run(base, ['-m', 'venv', '--without-pip', environment]),
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'agl-pip-'))
      try {
        return run(python, [await pipWheel(directory), ...install.slice(2)])
      } catch (error) {
        return { isOk: false, said: `pip's wheel: ${error.message}` }
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    },
  ],
]

/** The environment's Python; makes the environment when it is not there or was made from other requirements. */
export async function setUp() {
  const base = findPython()
  const made = createHash('sha256').update(base.version).update(readFileSync(requirements)).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === made) return python
  const failures = []
  for (const way of ways) {
    rmSync(environment, { recursive: true, force: true })
    const [environmentMade, fill] = way(base.command)
    const result = environmentMade.isOk ? await fill() : environmentMade
    if (result.isOk) {
      // POML's JavaScript is CommonJS; without this it would count as a part of our package of modules.
      writeFileSync(join(environment, 'package.json'), '{ "type": "commonjs" }\n')
      writeFileSync(stamp, made)
      return python
    }
    failures.push(result.said)
    if (offline.test(result.said)) {
      throw new SetUpError(
        `Cannot reach PyPI; the Python package agentlightning is needed from it. It was tried with:\n${result.said}`,
        true,
      )
    }
  }
  throw new SetUpError(`Cannot make ${environment}. It was tried with:\n${failures.join('\n')}`, false)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.stdout.write(`${await setUp()}\n`)
  } catch (error) {
    process.stderr.write(`${error instanceof SetUpError ? error.message : error.stack}\n`)
    process.exitCode = error.isOffline === true ? 75 : 1
  }
}
