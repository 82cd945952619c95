import { readdir, readFile } from 'node:fs/promises'
import { keyNames } from '../keys.ts'

/*
 * Makes one module of the scripts: `-- @include name` puts what is used of `include/name.lua` in its place, names of keys
 * (`KEY_QUEUE`) become texts, lines of comment go.
 *
 * Nothing that a script does not use is left in it. A script is run from its first line each time, and each function in it is made
 * each time, which costs as much as the variables from outside that it uses and all those that stand between: whole includes made
 * a script cost thirty microseconds before it did anything.
 */

const folder = new URL('.', import.meta.url)

/** A script or a part of one. */
interface Source {
  readonly name: string
  readonly includes: readonly string[]
  readonly flags: string
  readonly blocks: readonly Block[]
}

/** A statement of the outermost level. */
interface Block {
  /** In the module. */
  readonly name: string
  readonly text: string
  /** The variables that it makes or gives their value; none for one that does something. */
  readonly defines: readonly string[]
}

/** The text of `scripts.generated.ts`. */
export async function flattenScripts(): Promise<string> {
  const parts = new Map((await readSources('include/')).map((part) => [part.name, part]))
  const scripts = (await readSources('')).map((script) => {
    const included = script.includes.flatMap((name) => parts.get(name)!.blocks)
    return { ...script, used: usedOf([...included, ...script.blocks]) }
  })
  const shared = new Set([...parts.values()].flatMap(({ blocks }) => blocks))
  const all = [...shared].filter((block) => scripts.some(({ used }) => used.includes(block)))
  return [
    '// Made from the .lua files by `pnpm run scripts`.\n// oxfmt-ignore-file\n\n',
    ...all.map(({ name, text }) => `const ${name} = ${quote(text)}\n`),
    '\nfunction script(flags: string, ...texts: readonly string[]): string {\n',
    "  return `#!lua flags=${flags}\\n${texts.join('')}`\n",
    '}\n\n',
    `export type ScriptName =\n${scripts.map(({ name }) => `  | '${name}'\n`).join('')}\n`,
    'export const scripts: Readonly<Record<ScriptName, string>> = {\n',
    ...scripts.map(({ name, flags, used }) => {
      const before = used.filter((block) => shared.has(block)).map((block) => `${block.name}, `)
      const own = used.filter((block) => !shared.has(block)).map(({ text }) => text)
      return `  ${name}: script('${flags}', ${before.join('')}${quote(own.join(''))}),\n`
    }),
    '}\n',
  ].join('')
}

/** Those that do something, and those that define what others of them use; in their order. */
function usedOf(blocks: readonly Block[]): readonly Block[] {
  const used = new Set(blocks.filter(({ defines }) => defines.length === 0))
  const words = new Set([...used].flatMap(wordsOf))
  for (;;) {
    const more = blocks.filter((block) => !used.has(block) && block.defines.some((name) => words.has(name)))
    if (more.length === 0) return blocks.filter((block) => used.has(block))
    for (const block of more) {
      used.add(block)
      for (const word of wordsOf(block)) words.add(word)
    }
  }
}

function wordsOf({ text }: Block): readonly string[] {
  return text.match(/[A-Za-z_]\w*/g) ?? []
}

async function readSources(subfolder: string): Promise<readonly Source[]> {
  const files = (await readdir(new URL(`./${subfolder}`, folder))).filter((file) => file.endsWith('.lua')).toSorted()
  return Promise.all(files.map((file) => readSource(subfolder + file)))
}

/** `-- @flags allow-oom` says that a script may run when the memory of the server is full: it makes room, or takes none. */
async function readSource(file: string): Promise<Source> {
  const lines = (await readFile(new URL(file, folder), 'utf8')).split('\n')
  const valuesOf = (directive: string): readonly string[] =>
    lines.flatMap((line) => (line.startsWith(`-- @${directive} `) ? [line.slice(directive.length + 5)] : []))
  const kept = lines.filter((line) => line.trim() !== '' && !line.trimStart().startsWith('--'))
  const name = camelCase(file.replace('include/', '').slice(0, -'.lua'.length))
  return {
    name,
    includes: valuesOf('include').map(camelCase),
    flags: valuesOf('flags').join(','),
    blocks: splitBlocks(
      name,
      kept.map((line) => line.replace(/\bKEY_[A-Z_]+\b/g, keyText)),
    ),
  }
}

/** A statement begins in the first column; its last line may stand there too. */
function splitBlocks(source: string, lines: readonly string[]): readonly Block[] {
  const texts: string[] = []
  for (const line of lines) {
    if (texts.length > 0 && /^(\s|end\b|else|[)}])/.test(line)) texts.push(`${texts.pop()!}${line}\n`)
    else texts.push(`${line}\n`)
  }
  return texts.map((text, index) => ({ name: `${source}${index}`, text, defines: definedBy(text) }))
}

function definedBy(text: string): readonly string[] {
  const [, made] = /^local (?:function )?([\w, ]+)/.exec(text) ?? /^(\w+) = function/.exec(text) ?? []
  return made === undefined ? [] : made.split(',').map((name) => name.trim())
}

const keyTexts: ReadonlyMap<string, string> = new Map(
  Object.entries(keyNames).map(([name, value]) => [`KEY_${snakeCase(name).toUpperCase()}`, `'${value}'`]),
)

/** @throws Error for a key that `keys.ts` does not have */
function keyText(name: string): string {
  const text = keyTexts.get(name)
  if (text === undefined) throw new Error(`keys.ts has no ${name}.`)
  return text
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function quote(text: string): string {
  return `String.raw\`${text}\``
}
