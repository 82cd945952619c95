import { parseArgs } from 'node:util'

/** How a bench was asked to run. */
export interface BenchArguments {
  /** Smaller amounts, so that the whole bench ends within a minute; its figures are for a look, not for the record. */
  readonly isShort: boolean
  /** One line of JSON per result instead of the table. */
  readonly isJson: boolean
  /** Names of scenarios; empty = all. `inproc-*` names all that begin so. */
  readonly only: readonly string[]
  readonly isHelp: boolean
}

/** @throws TypeError for an argument that there is not */
export function parseBenchArguments(args: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      short: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  return {
    isShort: values.short,
    isJson: values.json,
    only: values.only.flatMap((names) => names.split(',')),
    isHelp: values.help,
  }
}

/** @throws TypeError when a name of `only` matches nothing */
export function chooseByName<Named extends { readonly name: string }>(
  all: readonly Named[],
  only: readonly string[],
): readonly Named[] {
  if (only.length === 0) return all
  const matches = (wanted: string, name: string): boolean =>
    wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted
  const unknown = only.filter((wanted) => !all.some(({ name }) => matches(wanted, name)))
  if (unknown.length > 0) {
    throw new TypeError(
      `--only: there is no scenario "${unknown.join('", "')}"; there are ${all.map(({ name }) => name).join(', ')}.`,
    )
  }
  return all.filter(({ name }) => only.some((wanted) => matches(wanted, name)))
}
