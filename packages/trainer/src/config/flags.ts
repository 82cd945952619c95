import { AglError } from '@agl/types'
import type { z } from 'zod'
import { closest } from './closest.ts'
import { flagName, kebab } from './flag-name.ts'
import { formatHelp } from './format-help.ts'
import { type Shape, shapeOf } from './shape.ts'
import type { Source } from './source.ts'

export interface FlagUse {
  readonly type: string
  readonly description?: string
  readonly default?: unknown
}

/** A flag of the command line, made of a field of the schema. */
export interface Flag {
  /** For example `--runner.lease-ms`. */
  readonly name: string
  readonly path: readonly string[]
  /** The types of component that have it, and what it is for each; empty: it belongs to no type. */
  readonly uses: readonly FlagUse[]
  readonly shape: Shape
  /** Stands alone, with `--no-…` as its opposite. */
  readonly isSwitch: boolean
}

export interface ParsedFlags {
  /** For `readConfig`. */
  readonly flags: Source
  /** Of `--config`, in their order. */
  readonly files: readonly string[]
  /** Whether `--help` or `-h` was among them. */
  readonly isHelp: boolean
}

export interface Flags {
  readonly list: readonly Flag[]
  /**
   * @param args what follows the program's name, as `process.argv.slice(2)`
   * @throws AglError `invalid_argument` for what is no flag; its message never quotes a value
   */
  parse(args: readonly string[]): ParsedFlags
  /** The lines of `--help`. */
  help(): string
}

const reserved: readonly string[] = ['--config', '--help']

const invalid = (message: string): AglError => new AglError({ code: 'invalid_argument', message })

/**
 * The flags of a schema: one for each field, called by its path. `--store.type redis`, or `--store redis` for short;
 * `--runner.concurrency 8`; `--verbose` and `--no-verbose`; a list by giving its flag again, an empty one as `[]`; `none` where
 * null may be; JSON for what is not a single value.
 */
export function flagsOf(schema: z.ZodType): Flags {
  const byName = new Map<string, Flag>()
  for (const flag of collect(shapeOf(schema), [], null)) {
    const present = byName.get(flag.name)
    if (reserved.includes(flag.name))
      throw invalid(`${flag.name} has a meaning of its own: give the key ${flag.path[0]} another name.`)
    if (present !== undefined && present.path.join('.') !== flag.path.join('.')) {
      throw invalid(`${present.path.join('.')} and ${flag.path.join('.')} would both be ${flag.name}: give one another name.`)
    }
    byName.set(flag.name, present === undefined ? flag : together(present, flag))
  }
  const list = Object.freeze([...byName.values()])
  return Object.freeze({ list, parse: (args: readonly string[]) => parse(args, byName), help: () => formatHelp(list) })
}

function collect(shape: Shape, path: readonly string[], type: string | null): readonly Flag[] {
  const variants = [...shape.variants]
  const isChoice = shape.component !== null || variants.length > 1
  const inner = isChoice
    ? variants.flatMap(([type, { fields }]) =>
        [...fields].flatMap(([key, field]) => collect(field, [...path, key], key === 'type' ? null : type)),
      )
    : [...shape.fields].flatMap(([key, field]) => collect(field, [...path, key], type))
  const isWhole = shape.component !== null || inner.length === 0 || shape.types.has('null')
  if (path.length === 0 || !isWhole) return inner
  const isSwitch = shape.types.has('boolean') && [...shape.types].every((type) => type === 'boolean' || type === 'null')
  const uses =
    type === null
      ? []
      : [{ type, ...(shape.description === undefined ? {} : { description: shape.description }), default: shape.default }]
  return [{ name: flagName(path), path, uses, shape, isSwitch }, ...inner]
}

/** The same flag of two types of component. */
function together(one: Flag, other: Flag): Flag {
  const choices = [...new Set([...(one.shape.choices ?? []), ...(other.shape.choices ?? [])])]
  const shape = {
    ...one.shape,
    types: new Set([...one.shape.types, ...other.shape.types]),
    choices: one.path.at(-1) === 'type' ? choices : one.shape.choices,
    secret: one.shape.secret === true || other.shape.secret === true,
  }
  return { ...one, shape, uses: [...one.uses, ...other.uses], isSwitch: one.isSwitch && other.isSwitch }
}

function parse(args: readonly string[], byName: ReadonlyMap<string, Flag>): ParsedFlags {
  const given = new Map<string, { readonly flag: Flag; readonly texts: string[] }>()
  const files: string[] = []
  let isHelp = false
  for (let index = 0; index < args.length; index++) {
    const [word, attached] = wordOf(args[index]!, index)
    const value = (): string => {
      const text = attached ?? args[++index]
      if (text === undefined || (attached === undefined && text.startsWith('--'))) {
        throw invalid(`Expected a value after ${word}; one that begins with "--" is given as ${word}=--….`)
      }
      return text
    }
    if (word === '--help' || word === '-h') isHelp = true
    else if (word === '--config') files.push(value())
    else {
      const { flag, text } = readFlag(word, attached, value, byName)
      const present = given.get(flag.name)
      if (present === undefined) given.set(flag.name, { flag, texts: [text] })
      else if (flag.shape.types.has('array')) present.texts.push(text)
      else throw invalid(`${flag.name} is there twice, and takes one value.`)
    }
  }
  return { flags: treeOf([...given.values()]), files, isHelp }
}

function wordOf(argument: string, index: number): readonly [string, string | undefined] {
  if (argument === '-h') return [argument, undefined]
  // What stands here by mistake may be a secret.
  if (!argument.startsWith('--') || argument === '--') throw invalid(`Expected a flag as argument ${index + 1}; see --help.`)
  const mark = argument.indexOf('=')
  return mark === -1 ? [argument, undefined] : [argument.slice(0, mark), argument.slice(mark + 1)]
}

function readFlag(
  word: string,
  attached: string | undefined,
  value: () => string,
  byName: ReadonlyMap<string, Flag>,
): { readonly flag: Flag; readonly text: string } {
  const name = `--${word.slice(2).split('.').map(kebab).join('.')}`
  const flag = byName.get(name)
  if (flag !== undefined) return { flag, text: flag.isSwitch ? (attached ?? 'true') : value() }
  const opposite = byName.get(name.replace(/^--no-/, '--'))
  if (opposite?.isSwitch !== true) {
    const found = closest(name, [...byName.keys(), ...reserved])
    throw invalid(`There is no flag ${word}${found === null ? '' : `; did you mean ${found}?`} See --help for all.`)
  }
  if (attached !== undefined) throw invalid(`${word} takes no value.`)
  return { flag: opposite, text: 'false' }
}

function treeOf(given: readonly { readonly flag: Flag; readonly texts: readonly string[] }[]): Source {
  interface Branch {
    readonly kind: 'object'
    readonly origin: Source['origin']
    readonly entries: Map<string, Source>
  }
  const folder = process.cwd()
  const branch = (): Branch => ({ kind: 'object', origin: { label: 'the command line', folder }, entries: new Map() })
  const root = branch()
  // What stands above comes first: `--store` before `--store.url`, in whatever order they were given.
  for (const { flag, texts } of given.toSorted((one, other) => one.flag.path.length - other.flag.path.length)) {
    let present = root
    for (const key of flag.path.slice(0, -1)) {
      const next = present.entries.get(key)
      const inner = next?.kind === 'object' ? (next as Branch) : branch()
      if (next?.kind === 'text') inner.entries.set('type', next)
      present.entries.set(key, inner)
      present = inner
    }
    const key = flag.path.at(-1)!
    if (present.entries.has(key)) throw invalid(`${flag.name} is there in the short form as well: give it once.`)
    present.entries.set(key, { kind: 'text', origin: { label: flag.name, folder }, texts, variable: null })
  }
  return root
}
