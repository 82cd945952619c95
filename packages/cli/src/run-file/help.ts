import type { Flags } from '@agl/trainer/config'

/** What `agl run --help` tells: the flags are those of the schema. */
export function runHelp(flags: Flags): string {
  return `Usage: agl run [config.yaml ...] [--flags]

Trains an agent as files of JSON or YAML say, with flags laid over them. Every key of a file is a flag: runner: { concurrency: 8 } is
--runner.concurrency 8. A text \${NAME} in a file is taken from the environment, \${NAME:-default} where it may be missing.

  # config.yaml
  agent: ./agent.ts#clerk
  trainDataset: ./tasks.jsonl
  algorithm: { type: ./algorithm.ts#createAlgorithm, rounds: 3 }
  store: { type: sqlite, file: ./run.db }
  strategy: ipc
  nRunners: 4

  agl run config.yaml --dry-run              a quick look whether everything works together
  agl run config.yaml --runner.concurrency 8
  agl run config.yaml --print-config         what it would run with, without secrets

Paths in a file are meant from its folder, those of flags from here. A component is a name, or ./file.ts#export for one of your own.
While it runs the files are followed: what may change then (log, runner.concurrency) is
applied, of everything else a warning tells.
Ctrl-C once: what runs is handed back, and the status is 130; twice: at once.
The last line on standard output is JSON: { runId, completedIterations, seconds, result }.
Status: 0 done, 1 failed, 2 wrong use, 130 interrupted.

Flags:
  --dry-run                       run a fast algorithm instead: the own one if it is fast, else baseline
  --print-config                  print the configuration as it is in the end, without secrets, and do nothing
${flags.help()}`
}
