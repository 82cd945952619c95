// Measures the Python package's own APO in the simulated world and writes python-reference.json beside this file, which benches
// read instead of running Python. See `--help`.
import { execFile } from 'node:child_process'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { createModels, createWorld, startWorldServer } from '@agl/simulated-world'
import { freePort } from '../lib/free-port.ts'
import { contestModels, contestRunners, contestTasks, contestWorld, referenceSettings } from './contest.ts'
import {
  isMeasured,
  type PythonReference,
  readReference,
  type ReferencePoint,
  type ReferenceRun,
  writeReference,
} from './python-reference.ts'

const help = `node --conditions=@agl/source bench/apo/measure-python.ts [options]

  --settings NAME   example (default) or defaults: parameters of the reference's APO, see contest.ts
  --seeds A-B       seeds of worlds and of Python's random; default 1-30
  --parallel N      how many at once; each is ${contestRunners + 1} processes that mostly sleep; default 5

Seeds that the file holds already are left as they are. Every finished seed is written at once.`

const { values } = parseArgs({
  options: {
    settings: { type: 'string', default: 'example' },
    seeds: { type: 'string', default: '1-30' },
    parallel: { type: 'string', default: '5' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const run = promisify(execFile)
const python = fileURLToPath(new URL('../../interop/python/', import.meta.url))

if (values.help) console.log(help)
else process.exitCode = await measure()

async function measure(): Promise<number> {
  const settings = values.settings
  if (settings !== 'example' && settings !== 'defaults') {
    console.error(`--settings: expected example or defaults, got ${settings}.`)
    return 2
  }
  const [first, last] = /^(\d+)-(\d+)$/.exec(values.seeds)?.slice(1).map(Number) ?? []
  if (first === undefined || last === undefined) {
    console.error(`--seeds: expected two numbers like 1-30, got ${values.seeds}.`)
    return 2
  }
  const interpreter = (await run(process.execPath, ['set-up.mjs', 'apo'], { cwd: python })).stdout.trim()
  const versions = await installedVersions(interpreter)
  if (!isMeasured()) writeReference({ about: aboutThis(versions), runs: { example: [], defaults: [] } })
  const isDone = (seed: number): boolean => readReference().runs[settings].some((one) => one.seed === seed)
  const seeds = Array.from({ length: last - first + 1 }, (_, index) => first + index).filter((seed) => !isDone(seed))
  let failures = 0
  const work = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      // Another command may have done it meanwhile.
      if (isDone(seed)) continue
      try {
        const result = await runReference(interpreter, seed, settings)
        const reference = readReference()
        const runs = [...reference.runs[settings], result].sort((left, right) => left.seed - right.seed)
        writeReference({ ...reference, about: aboutThis(versions), runs: { ...reference.runs, [settings]: runs } })
        const { seed_score: before, true_score: after, reported_score: said, wall_seconds: wall } = result
        console.log(`seed ${seed}: ${before.toFixed(3)} -> ${after.toFixed(3)}, says ${said.toFixed(3)}, ${wall} s`)
      } catch (error) {
        failures += 1
        console.error(`seed ${seed}: ${String(error).slice(-800)}`)
      }
    }
  }
  await Promise.all(Array.from({ length: Number(values.parallel) }, work))
  return failures === 0 ? 0 : 1
}

/** What apo_world.py prints. */
interface Printed {
  readonly prompt: string
  readonly reported_score: number
  readonly rollouts: number
  readonly unfinished: number
  readonly wall_seconds: number
  readonly fit_seconds: number
  readonly trajectory: readonly { readonly rollouts: number; readonly wall_seconds: number; readonly prompt: string }[]
}

async function runReference(interpreter: string, seed: number, settings: keyof typeof referenceSettings): Promise<ReferenceRun> {
  const world = createWorld({ ...contestWorld, seed })
  const models = createModels(world, contestModels)
  const server = await startWorldServer(models)
  try {
    const asked = {
      base_url: server.baseUrl,
      seed,
      port: await freePort(),
      runners: contestRunners,
      settings: referenceSettings[settings],
      seed_prompt: world.seedPrompt,
      train: world.tasks(contestTasks.train),
      val: world.tasks(contestTasks.val, contestTasks.train),
    }
    const options = { cwd: python, maxBuffer: 2 ** 26, env: environment() }
    const { stdout } = await run(interpreter, ['apo_world.py', JSON.stringify(asked)], options)
    const printed = JSON.parse(stdout.trim().split('\n').at(-1)!) as Printed
    const trajectory: ReferencePoint[] = printed.trajectory.map(({ prompt, ...point }) => ({
      ...point,
      true_score: rounded(world.trueScore(prompt)),
    }))
    return {
      seed,
      seed_score: rounded(world.trueScore(world.seedPrompt)),
      optimum: rounded(world.optimum().score),
      true_score: rounded(world.trueScore(printed.prompt)),
      reported_score: rounded(printed.reported_score),
      rollouts: printed.rollouts,
      unfinished: printed.unfinished,
      model_calls: models.use().answered,
      wall_seconds: printed.wall_seconds,
      fit_seconds: printed.fit_seconds,
      load: rounded(loadavg()[1]!),
      prompt: printed.prompt,
      trajectory,
    }
  } finally {
    await server.close()
  }
}

/** Without the settings of this machine that OpenTelemetry in Python would follow. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_')))
}

async function installedVersions(interpreter: string): Promise<string> {
  const names = ['agentlightning', 'openai', 'poml', 'agentops', 'litellm', 'opentelemetry-sdk']
  const program = `import importlib.metadata as m, platform; print(", ".join(["Python " + platform.python_version()] + [f"{n} {m.version(n)}" for n in ${JSON.stringify(names)}]))`
  return (await run(interpreter, ['-c', program])).stdout.trim()
}

function aboutThis(versions: string): PythonReference['about'] {
  return {
    versions,
    machine: `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`,
    command: 'node --conditions=@agl/source bench/apo/measure-python.ts --settings example|defaults --seeds 1-30',
    world: contestWorld,
    models: contestModels,
    tasks: contestTasks,
    runners: contestRunners,
    settings: referenceSettings,
  }
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4
}
