import { readdir, readFile } from 'node:fs/promises'
import { keyNames } from '../keys.ts'

/*
 * Makes one module of the scripts: `-- @include name` puts `include/name.lua` in its place, names of keys become constants, lines
 * of comment go.
 */

const folder = new URL('.', import.meta.url)

/** A script or a part of one. */
interface Source {
  readonly name: string
  readonly includes: readonly string[]
  readonly flags: string
  readonly text: string
}

/** The text of `scripts.generated.ts`. */
export async function flattenScripts(): Promise<string> {
  const parts = await readSources('include/')
  const scripts = await readSources('')
  const keys = Object.entries(keyNames).map(([name, value]) => `local KEY_${snakeCase(name).toUpperCase()} = '${value}'\n`)
  return [
    '// Made from the .lua files by `pnpm run scripts`.\n// oxfmt-ignore-file\n\n',
    `const keys = ${quote(keys.join(''))}\n`,
    ...parts.map((part) => `const ${part.name} = ${quote(part.text)}\n`),
    '\nfunction script(flags: string, ...texts: readonly string[]): string {\n',
    "  return `#!lua flags=${flags}\\n${keys}${texts.join('')}`\n",
    '}\n\n',
    `export type ScriptName =\n${scripts.map(({ name }) => `  | '${name}'\n`).join('')}\n`,
    'export const scripts: Readonly<Record<ScriptName, string>> = {\n',
    ...scripts.map(({ name, includes, flags, text }) => {
      const before = includes.map((include) => `${include}, `).join('')
      return `  ${name}: script('${flags}', ${before}${quote(text)}),\n`
    }),
    '}\n',
  ].join('')
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
  return {
    name: camelCase(file.replace('include/', '').slice(0, -'.lua'.length)),
    includes: valuesOf('include').map(camelCase),
    flags: valuesOf('flags').join(','),
    text: kept.map((line) => `${line}\n`).join(''),
  }
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
