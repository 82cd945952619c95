// pnpm faults: kills and stalls each process at each phase, and looks whether every rollout settles. See `--help`.
import { parseArgs } from 'node:util'
import { type BlockedReport, runBlocked } from './blocked.ts'
import { cellOf, cellsOf, excludedOf, type Place, stores, strategies } from './cells.ts'
import { type CaseReport, runCase } from './run-case.ts'

const help = `pnpm faults [--strategy shm,ipc,cs] [--store memory,sqlite,redis] [--seed 1] [--seeds 1] [--rollouts 12] [--json]
            [--lease-ms 1500] [--parallel 1] [--minutes N] [--give-up-ms 120000] [--list]
            [--scenario blocked-minute [--block-seconds 60]]

Each case runs one program over one store. At one phase, where a gate holds somebody up, one process (or connection) is killed,
stalled for longer than a lease, terminated, cut off, or its loop is kept busy; what is left is finished by others, and the judge
compares what the store says with what the agents wrote down themselves. A seed is one cell of the grid of its strategy and store;
--seeds N runs N of them from --seed on. --list tells the grid, and what is left out of it and why. --minutes begins no case after
that time, and a case that takes longer than --give-up-ms hangs. Ends with status 0 when nothing is wrong, with 1 and what was found otherwise.

--scenario blocked-minute lets one agent under each strategy keep its event loop busy for a minute with a lease of --lease-ms.
`

const { values } = parseArgs({
  options: {
    strategy: { type: 'string', default: strategies.join(',') },
    store: { type: 'string', default: stores.join(',') },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    rollouts: { type: 'string', default: '12' },
    'lease-ms': { type: 'string', default: '1500' },
    parallel: { type: 'string', default: '1' },
    minutes: { type: 'string', default: 'Infinity' },
    'give-up-ms': { type: 'string', default: '120000' },
    scenario: { type: 'string', default: 'grid' },
    'block-seconds': { type: 'string', default: '60' },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const write = (text: string): void => void process.stdout.write(`${text}\n`)
process.exitCode = await main()

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const places = choose(values.strategy, strategies).flatMap((strategy) =>
    choose(values.store, stores).map((store) => ({ strategy, store })),
  )
  if (values.list) {
    for (const place of places) list(place)
    return 0
  }
  switch (values.scenario) {
    case 'grid':
      return await runGrid(places)
    case 'blocked-minute': {
      const blockMs = Number(values['block-seconds']) * 1000
      const reports = await runBlocked({ leaseMs: Number(values['lease-ms']), blockMs })
      for (const report of reports) write(values.json ? JSON.stringify(report) : blockedLine(report))
      return reports.every(({ isKept }) => isKept) ? 0 : 1
    }
    default:
      throw new TypeError(`--scenario: expected grid or blocked-minute; got ${values.scenario}.`)
  }
}

/** Seed by seed over all places, so that a run that is out of time has seen as much of each. */
async function runGrid(places: readonly Place[]): Promise<number> {
  const [first, count] = [Number(values.seed), Number(values.seeds)]
  const cases = Array.from({ length: count }, (_, index) => first + index).flatMap((seed) =>
    places.map((place) => ({ ...place, seed, cell: cellOf(place, seed) })),
  )
  const end = performance.now() + Number(values.minutes) * 60_000
  const reports: CaseReport[] = []
  const rest = cases.values()
  const work = async (): Promise<void> => {
    for (const each of rest) {
      if (performance.now() > end) return
      const sizes = {
        rollouts: Number(values.rollouts),
        leaseMs: Number(values['lease-ms']),
        giveUpMs: Number(values['give-up-ms']),
      }
      const report = await runCase({ ...each, ...sizes })
      reports.push(report)
      write(values.json ? JSON.stringify(report) : caseLine(report))
    }
  }
  await Promise.all(Array.from({ length: Number(values.parallel) }, work))
  if (!values.json) for (const place of places) write(placeLine(place, reports))
  return reports.every(({ violations }) => violations.length === 0) ? 0 : 1
}

function choose<Name extends string>(text: string, all: readonly Name[]): readonly Name[] {
  return text.split(',').map((name) => {
    const found = all.find((each) => each === name)
    if (found === undefined) throw new TypeError(`Expected ${all.join(', ')}; got ${JSON.stringify(name)}.`)
    return found
  })
}

function list(place: Place): void {
  const cells = cellsOf(place)
  write(`${place.strategy} over ${place.store}: ${cells.length} cells`)
  for (const { victim, way, phase } of cells) write(`  ${victim} ${way} ${phase}`)
  for (const [reason, count] of excludedOf(place)) write(`  without ${count}: ${reason}`)
}

function caseLine({ strategy, store, seed, cell, seconds, violations, programs, starved, lastWords }: CaseReport): string {
  const what = cell === null ? 'nobody is hit' : `${cell.victim} ${cell.way} ${cell.phase}`
  const notes = `${seconds.toFixed(1)} s, ${programs} programs${starved === 0 ? '' : `, ${starved} starved`}`
  const wrong = violations.map(({ kind, detail }) => `\n    ${kind}: ${detail}`).join('')
  const words = lastWords === undefined || lastWords === '' ? '' : `\n    --\n${lastWords.replaceAll(/^/gm, '    ')}`
  return `${violations.length === 0 ? 'ok  ' : 'WRONG'} ${strategy} ${store} seed ${seed}: ${what} (${notes})${wrong}${words}`
}

function placeLine(place: Place, reports: readonly CaseReport[]): string {
  const own = reports.filter(({ strategy, store }) => strategy === place.strategy && store === place.store)
  const cells = new Set(own.map(({ cell }) => JSON.stringify(cell))).size
  const wrong = own.filter(({ violations }) => violations.length > 0).length
  return `${place.strategy} over ${place.store}: ${own.length} cases, ${cells} of ${cellsOf(place).length} cells, ${wrong} wrong`
}

function blockedLine({ strategy, store, isKept, blockedMs, leaseMs, leastLeftMs, looks, attempts }: BlockedReport): string {
  const how = `blocked for ${(blockedMs / 1000).toFixed(1)} s with a lease of ${leaseMs} ms`
  const seen = `${attempts} attempt(s), at least ${leastLeftMs.toFixed(0)} ms left at each of ${looks} looks`
  return `${isKept ? 'kept' : 'LOST'} ${strategy} over ${store}: ${how}; ${seen}`
}
