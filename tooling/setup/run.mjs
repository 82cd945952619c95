// The commands of the README, `npm run demo`, `npm run demo:apo` and `npm test`: set up what is missing, then do the job.
// Plain JavaScript without a dependency, because it runs before anything is installed and on the Node that is there.
// Only what every ES-module Node can read may stand in this file: it has to live long enough to say "too old".
import process from 'node:process'

const major = Number(process.versions.node.split('.')[0])
if (major < 18) {
  process.stderr.write(`Node ${process.versions.node} is too old: install Node 20 or newer (https://nodejs.org).\n`)
  process.exit(1)
}

const [{ setUp }, { findOrInstallRedis }, { runJob, SetupError }] = await Promise.all([
  import('./set-up.mjs'),
  import('./redis.mjs'),
  import('./processes.mjs'),
])

/** What each command runs once everything is in place; arguments are passed on. @type {Record<string, string[]>} */
const jobs = {
  demo: ['--conditions=@agl/source', 'apps/sft-shop-desk/src/main.ts'],
  'demo:apo': ['--conditions=@agl/source', 'apps/apo-shop-desk/src/main.ts'],
  test: ['tooling/test/src/main.ts'],
}

const [name = '', ...rest] = process.argv.slice(2)
const job = jobs[name]
if (job === undefined) {
  process.stderr.write(`Usage: node tooling/setup/run.mjs ${Object.keys(jobs).join('|')} [arguments]\n`)
  process.exit(2)
}

try {
  const { node, environment } = setUp()
  if (name === 'test') findOrInstallRedis(environment)
  await runJob(node, [...job, ...(rest[0] === '--' ? rest.slice(1) : rest)], environment)
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`\n${error.message}\n`)
  process.exitCode = 1
}
