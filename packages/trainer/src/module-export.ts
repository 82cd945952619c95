import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { AglError, errorMessage, isPlainObject, type JsonObject } from '@agl/types'

/** Something that a module exports, named so that another process can find it. */
export interface ModuleExport {
  /** A file URL, a path (relative: to the working directory), or the name of a package that the program has installed. */
  readonly module: string
  readonly export: string
  /** For an export that is a function which makes the thing. */
  readonly options?: JsonObject
}

export function isModuleExport(value: unknown): value is ModuleExport {
  return isPlainObject(value) && typeof value['module'] === 'string' && typeof value['export'] === 'string'
}

/** The file URL of a module. @throws AglError `invalid_argument` for one that is not there */
export function resolveModule(module: string | URL): string {
  const text = String(module)
  if (text.startsWith('file:')) return text
  if (/^[a-z][a-z\d+.-]+:/i.test(text)) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected a module as a file URL (import.meta.url), a path or the name of a package; got ${JSON.stringify(text)}.`,
    })
  }
  if (path.isAbsolute(text) || /^\.{1,2}[/\\]/.test(text) || /\.[cm]?[jt]s$/.test(text)) return pathToFileURL(text).href
  // Where the program finds it; this package may lie elsewhere.
  for (const place of [process.argv[1], path.resolve('program.js')]) {
    try {
      if (place !== undefined) return pathToFileURL(createRequire(place).resolve(text)).href
    } catch {
      // The next place may know it.
    }
  }
  throw new AglError({
    code: 'invalid_argument',
    message: `The package "${text}" cannot be found, neither from the program nor from ${process.cwd()}. Install it, or give the path of a module, as ./${text}.js.`,
    data: { module: text },
  })
}

/** Reads what a module exports. @param what names it in errors, for example `the agent` */
export async function importExport({ module, export: name }: ModuleExport, what: string): Promise<unknown> {
  refuseEntry(module, name, what)
  let exports: Readonly<Record<string, unknown>>
  try {
    exports = (await import(/* @vite-ignore */ module)) as Readonly<Record<string, unknown>>
  } catch (cause) {
    throw new AglError({
      code: 'invalid_argument',
      message: `The module of ${what} cannot be loaded: ${errorMessage(cause)} (${module})`,
      cause,
    })
  }
  if (Object.hasOwn(exports, name)) return exports[name]
  const names = Object.keys(exports)
  const has = names.length === 0 ? 'it exports nothing' : `it exports ${names.join(', ')}`
  throw new AglError({
    code: 'invalid_argument',
    message: `Expected ${module} to export ${what} as "${name}"; ${has}.`,
    data: { module, export: name, exports: names },
  })
}

/**
 * A program must not be taken for one of its own modules: a child would run all of it again, and here the import would wait
 * for the program, which waits for the import.
 */
function refuseEntry(module: string, name: string, what: string): void {
  const [, entry] = process.argv
  if (entry === undefined || !isSameFile(fileURLToPath(module), entry)) return
  const file = `${name}${path.extname(entry)}`
  throw new AglError({
    code: 'invalid_argument',
    message:
      `${what[0]!.toUpperCase()}${what.slice(1)} "${name}" lies in the program itself (${entry}), which other processes must not run again. ` +
      `Move it to a module of its own, for example ${file}, and name that one: ` +
      `agentModule(new URL('./${file}', import.meta.url), '${name}').`,
    data: { module, export: name },
  })
}

function isSameFile(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other)
  } catch {
    return false
  }
}
