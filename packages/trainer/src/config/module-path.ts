import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AglError, errorMessage } from '@agl/types'
import { suggest } from './closest.ts'
import { loadPackage } from './load-package.ts'

/** `./file.ts#export`, `file:///…#export` or `package#export`. */
export function isModulePath(text: string): boolean {
  return /^(\.{0,2}\/|\.{0,2}\\|file:)/.test(text) || /^(@[\w.-]+\/)?[\w.-]+(\/[\w./-]+)?#\w+$/.test(text)
}

/** A path relative to a folder becomes a file URL; so does what ends like a file that no package brings. Anything else stays. */
export function resolveModulePath(text: string, folder: string): string {
  const [specifier, name] = partsOf(text)
  const isFile =
    /^\.{1,2}[\\/]/.test(specifier) || isAbsolute(specifier) || /^[^@:][^:]*\.(?:[cm]?ts|jsonl?|ndjson|csv)$/.test(specifier)
  if (!isFile) return text
  return `${pathToFileURL(resolve(folder, specifier)).href}${name === undefined ? '' : `#${name}`}`
}

function partsOf(text: string): readonly [string, string | undefined] {
  const mark = text.lastIndexOf('#')
  return mark === -1 ? [text, undefined] : [text.slice(0, mark), text.slice(mark + 1)]
}

/**
 * What a module path leads to. A package is looked for from the folder first, then from where AGL is installed.
 * @throws AglError `invalid_argument`, `not_found` or `missing_package`
 */
export async function loadExport(text: string, folder: string): Promise<unknown> {
  const resolved = resolveModulePath(text, folder)
  const [specifier, name] = partsOf(resolved)
  const exports = specifier.startsWith('file:') ? await loadFile(specifier) : await loadFrom(specifier, folder)
  const names = Object.keys(exports).sort()
  if (name === undefined || name === '') {
    const example = names[0] ?? 'createIt'
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected a module path to end in the name of an export, as in ${specifier}#${example}. The module exports: ${names.join(', ') || 'nothing'}.`,
    })
  }
  if (!Object.hasOwn(exports, name)) {
    throw new AglError({
      code: 'not_found',
      message: `${specifier} exports no ${JSON.stringify(name)}${suggest(name, names)}`,
    })
  }
  return exports[name]
}

type Exports = Readonly<Record<string, unknown>>

async function loadFile(url: string): Promise<Exports> {
  try {
    return (await import(url)) as Exports
  } catch (error) {
    throw new AglError({ code: 'not_found', message: `The module ${url} cannot be loaded: ${errorMessage(error)}`, cause: error })
  }
}

async function loadFrom(specifier: string, folder: string): Promise<Exports> {
  let found: string
  try {
    found = pathToFileURL(createRequire(join(folder, 'config')).resolve(specifier)).href
  } catch {
    // A package that has an entry for `import` only cannot be looked for from elsewhere.
    found = specifier
  }
  return loadPackage(specifier, async () => (await import(found)) as Exports)
}
