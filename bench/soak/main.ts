// pnpm soak: kills what runs, and looks whether anything was lost. See `--help`.
import { parseArgs } from 'node:util'
import { percentile } from '../lib/measure.ts'
import { runSoak, type SoakReport } from './soak.ts'

const help = `pnpm soak [--backend sqlite|redis] [--rollouts 5000] [--runners 8] [--seed 1] [--kill-every-ms 400] [--json]
          [--most-kills N] [--lease-ms 2000] [--give-up-ms 600000] [--victims server|runner|algorithm|redis] [--forgetful]

Two servers, runners and an algorithm work off a queue while they (and Redis) are killed with SIGKILL and begun again, one
about every --kill-every-ms; 0 kills nobody. With --forgetful Redis keeps nothing: the run must find what is lost then. Ends
with status 0 when every rollout has ended exactly once and every acknowledged span is there exactly once; with 1 and what
was found otherwise.
`

const { values } = parseArgs({
  options: {
    backend: { type: 'string', default: 'sqlite' },
    rollouts: { type: 'string', default: '5000' },
    runners: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
    'kill-every-ms': { type: 'string', default: '400' },
    'lease-ms': { type: 'string', default: '2000' },
    'most-kills': { type: 'string', default: 'Infinity' },
    'give-up-ms': { type: 'string', default: '600000' },
    victims: { type: 'string' },
    forgetful: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) {
  process.stdout.write(help)
} else {
  process.exitCode = await main()
}

async function main(): Promise<number> {
  const { backend } = values
  if (backend !== 'sqlite' && backend !== 'redis') {
    process.stderr.write(`Expected --backend sqlite or redis; got ${backend}.\n`)
    return 2
  }
  const report = await runSoak({
    backend,
    rollouts: Number(values.rollouts),
    runners: Number(values.runners),
    seed: Number(values.seed),
    killEveryMs: values['kill-every-ms'] === '0' ? null : Number(values['kill-every-ms']),
    mostKills: Number(values['most-kills']),
    leaseMs: Number(values['lease-ms']),
    giveUpMs: Number(values['give-up-ms']),
    appendOnly: !values.forgetful,
    victims: values.victims ?? null,
  })
  const { requeueSeconds, ...figures } = report
  const requeue = {
    settledForOthers: requeueSeconds.length,
    p50: percentile(requeueSeconds, 0.5),
    p99: percentile(requeueSeconds, 0.99),
  }
  process.stdout.write(`${JSON.stringify({ backend, ...figures, requeue }, null, values.json ? 0 : 2)}\n`)
  return isClean(report) ? 0 : 1
}

function isClean(report: SoakReport): boolean {
  const { lost, doubled, leftOpen, missingSpans, doubledSpans, hasGap } = report
  return lost + doubled + leftOpen + missingSpans + doubledSpans === 0 && !hasGap
}
