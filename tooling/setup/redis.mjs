// The redis-server that tests of the distributed store and of the soak start, each on data of its own.
import process from 'node:process'
import { run, say, timed } from './processes.mjs'

const packages = ['redis-server', 'redis-tools']

/**
 * Looks for redis-server and installs it where that needs no question. Without it the tests that need it fail and say so.
 * @param {NodeJS.ProcessEnv} environment
 */
export function findOrInstallRedis(environment) {
  if (run('redis-server', ['--version'], { env: environment }).ok) return
  if (!run('apt-get', ['--version'], { env: environment }).ok) {
    say('redis-server is not there: install Redis 7.0 or newer (for example `brew install redis`), or its tests fail')
    return
  }
  // The run level keeps the package from starting a server of its own.
  const settings = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1']
  const asRoot = process.getuid?.() === 0 ? settings : ['sudo', '-n', ...settings]
  /** @param {string[]} args */
  const apt = (args) => {
    const [program = '', ...rest] = [...asRoot, 'apt-get', ...args]
    return run(program, rest, { env: environment })
  }
  timed('installing redis-server', () => {
    const updated = apt(['update'])
    const installed = apt(['install', '-y', '--no-install-recommends', ...packages])
    if (installed.ok) return
    say(`redis-server could not be installed, so its tests will fail:\n${updated.ok ? '' : updated.output}\n${installed.output}`)
  })
}
