// Node, pnpm and the dependencies: each is looked for first and got from the npm registry when it is not there.
// What is installed goes into `.tools/` and `node_modules/` of this folder; npm and pnpm keep their caches where they always do.
import { accessSync, constants, existsSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { installationError, root, run, runNpm, say, SetupError, timed } from './processes.mjs'

/** Sources are TypeScript that Node itself must be able to run: this version is the first that does so without a flag. */
const typeScriptNode = [22, 18]
const tools = path.join(root, '.tools')
const bin = path.join(root, 'node_modules', '.bin')

/**
 * Sets everything up.
 * @returns {{ node: string, environment: NodeJS.ProcessEnv }} the Node that runs everything, and the environment for it
 */
export function setUp() {
  checkNodeVersion()
  const environment = withUsableHome({ ...process.env })
  // Both give up after a few seconds without a network, instead of minutes.
  for (const [key, value] of [
    ['fetch_retries', '2'],
    ['fetch_retry_mintimeout', '1000'],
    ['fetch_retry_maxtimeout', '3000'],
  ]) {
    environment[`npm_config_${key}`] ??= value
    environment[`pnpm_config_${key}`] ??= value
  }
  // pnpm does not read npm's variable for a mirror.
  if (environment['npm_config_registry'] !== undefined) environment['pnpm_config_registry'] ??= environment['npm_config_registry']

  const pnpmFolder = findOrInstallPnpm(environment)
  prependPath(environment, pnpmFolder)
  installDependencies(environment)
  prependPath(environment, bin)
  return { node: checkProjectNode(), environment }
}

/** Linux on x64 and arm64 gets its own Node from the registry; elsewhere the one that is running must do. */
function bringsItsNode() {
  return process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64')
}

/** @param {string} version @param {number[]} least */
function isAtLeast(version, least) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = least
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
}

function checkNodeVersion() {
  const least = bringsItsNode() ? [20, 0] : typeScriptNode
  const version = process.versions.node
  if (isAtLeast(version, least)) return
  throw new SetupError(
    `Node ${version} is too old: on ${process.platform} ${process.arch} this needs Node ${least.join('.')} or newer.\n` +
      'Install it from https://nodejs.org or with your version manager, and run this again.',
  )
}

/**
 * npm and pnpm keep caches and settings in the home folder. Where there is none, or it is somebody else's, they go into `.tools/`.
 * @param {NodeJS.ProcessEnv} environment
 */
function withUsableHome(environment) {
  const home = environment['HOME'] ?? homedir()
  if (isUsable(home)) return { ...environment, HOME: home }
  say(`${home} cannot be read and written, so caches go into .tools/`)
  const cache = path.join(tools, 'cache')
  return {
    ...environment,
    HOME: home,
    XDG_CACHE_HOME: cache,
    XDG_CONFIG_HOME: path.join(tools, 'config'),
    XDG_DATA_HOME: path.join(tools, 'data'),
    XDG_STATE_HOME: path.join(tools, 'state'),
    npm_config_cache: path.join(cache, 'npm'),
    npm_config_userconfig: path.join(tools, 'npmrc'),
  }
}

/** @param {string} folder */
function isUsable(folder) {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** @param {NodeJS.ProcessEnv} environment @param {string | null} folder */
function prependPath(environment, folder) {
  if (folder === null) return
  // On Windows the variable may be spelled `Path`, and a second spelling would be ignored.
  const key = Object.keys(environment).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH'
  environment[key] = [folder, environment[key] ?? ''].join(path.delimiter)
}

/**
 * The pnpm that package.json names: the one on PATH if it is exactly that version, else one under `.tools/`.
 * @param {NodeJS.ProcessEnv} environment
 * @returns {string | null} the folder to put on PATH; null when pnpm is there already
 */
function findOrInstallPnpm(environment) {
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const version = String(packageManager).split('@')[1] ?? ''
  // Asked outside this folder, where no version switch of an older pnpm or of corepack takes place.
  const outside = { cwd: tmpdir(), env: { ...environment, COREPACK_ENABLE_DOWNLOAD_PROMPT: '0' } }
  const onPath = run('pnpm', ['--version'], outside)
  if (onPath.ok && onPath.output === version) return null

  const folder = path.join(tools, `pnpm-${version}`)
  const folderBin = path.join(folder, 'node_modules', '.bin')
  const works = () => {
    const env = { ...environment }
    prependPath(env, folderBin)
    return existsSync(folderBin) && run('pnpm', ['--version'], { ...outside, env }).output === version
  }
  if (works()) return folderBin

  timed(`installing pnpm ${version} under .tools/`, () => {
    rmSync(folder, { recursive: true, force: true })
    // npm may be told to run no install scripts, so pnpm's own (it puts the native program in place) is run here by hand.
    const flags = ['--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--no-update-notifier']
    const installed = runNpm(['install', '--prefix', folder, ...flags, `pnpm@${version}`], { env: environment })
    if (!installed.ok) throw installationError(`pnpm ${version}`, installed.output)
    const placed = run(process.execPath, ['install.js'], { cwd: path.join(folder, 'node_modules', 'pnpm'), env: environment })
    if (!placed.ok || !works()) throw installationError(`a pnpm ${version} that runs on this machine`, placed.output)
  })
  return folderBin
}

/** Takes a few milliseconds when everything is there. @param {NodeJS.ProcessEnv} environment */
function installDependencies(environment) {
  timed('dependencies', () => {
    const installed = run('pnpm', ['install', '--frozen-lockfile', '--reporter=append-only'], { env: environment })
    if (installed.ok) return
    if (/OUTDATED_LOCKFILE|NO_IMPORTER/.test(installed.output)) {
      throw new SetupError(
        `${installed.output}\n\nA package.json was changed but pnpm-lock.yaml was not: run \`pnpm install\` and try again.`,
      )
    }
    throw installationError('the dependencies in pnpm-lock.yaml', installed.output)
  })
}

/** The Node of the project, started once, because one from the registry does not run on every Linux. */
function checkProjectNode() {
  if (!bringsItsNode()) {
    say(`running on Node ${process.versions.node}`)
    return process.execPath
  }
  const node = path.join(bin, 'node')
  const { ok, output } = run(node, ['--version'])
  if (!ok) {
    throw new SetupError(
      `${output}\nThe Node that the project brings (package node-linux-${process.arch}) does not start on this Linux.\n` +
        'It needs glibc 2.28 or newer: use Debian, Ubuntu or Fedora, for example the image node:24-slim, instead of Alpine.',
    )
  }
  say(`running on Node ${output.replace('v', '')}`)
  return node
}
