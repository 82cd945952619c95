import { open } from 'node:fs/promises'
import { extname } from 'node:path'
import { AglError, errorMessage, jsonOffender, type JsonValue } from '@agl/types'
import { LineCounter, parseDocument } from 'yaml'
import { hasProto } from './has-proto.ts'

/** What is read of one file; a configuration is far smaller. */
export const maxFileBytes: number = 1024 * 1024

const invalid = (message: string): AglError => new AglError({ code: 'invalid_argument', message })

/** The text of a file, which must be UTF-8 and no longer than {@link maxFileBytes}. */
export async function readText(file: string): Promise<string> {
  const bytes = await readBytes(file)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid(`Expected ${file} to be text in UTF-8.`)
  }
}

async function readBytes(file: string): Promise<Uint8Array> {
  const handle = await open(file).catch((error: unknown) => {
    throw new AglError({
      code: 'not_found',
      message: `The file ${file} cannot be read: ${errorMessage(error)}`,
      cause: error,
    })
  })
  try {
    const buffer = new Uint8Array(maxFileBytes + 1)
    let length = 0
    // No size is asked for: pipes have none.
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
      if (bytesRead === 0) return buffer.subarray(0, length)
      length += bytesRead
    }
    throw invalid(`Expected ${file} to have at most ${maxFileBytes} bytes; it has more.`)
  } catch (error) {
    if (AglError.isInstance(error)) throw error
    throw new AglError({ code: 'not_found', message: `The file ${file} cannot be read: ${errorMessage(error)}`, cause: error })
  } finally {
    await handle.close()
  }
}

/** Reads a file of JSON (`.json`) or YAML (`.yaml`, `.yml`). An empty file of YAML is an empty object. */
export async function readDocument(file: string): Promise<JsonValue> {
  const format = extname(file).toLowerCase()
  if (format !== '.json' && format !== '.yaml' && format !== '.yml') {
    throw invalid(`Expected a file that ends in .json, .yaml or .yml; got ${JSON.stringify(file)}.`)
  }
  const text = await readText(file)
  const value = format === '.json' ? parseJson(text, file) : parseYaml(text, file)
  const offender = jsonOffender(value)
  if (offender !== null) throw invalid(`Expected values of JSON in ${file}; ${offender.path || 'it'} is ${offender.description}.`)
  if (hasProto(value)) throw invalid(`Expected no key "__proto__" in ${file}.`)
  return value as JsonValue
}

// No message of a parser is passed on that quotes the text: there may be secrets in it.

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    const place = /line \d+ column \d+/.exec(errorMessage(error))?.[0]
    throw invalid(`Expected JSON in ${file}${place === undefined ? '' : `; it is broken at ${place}`}.`)
  }
}

function parseYaml(text: string, file: string): unknown {
  const lineCounter = new LineCounter()
  try {
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      resolveKnownTags: false,
      merge: false,
      stringKeys: true,
      uniqueKeys: true,
      prettyErrors: false,
      // `silent` would pass over further documents.
      logLevel: 'error',
      lineCounter,
    })
    // A tag that nothing knows is a mere warning there.
    const [problem] = [...document.errors, ...document.warnings]
    if (problem !== undefined) {
      const { line, col } = lineCounter.linePos(problem.pos[0])
      throw invalid(`Expected YAML 1.2 in ${file}; at line ${line} column ${col}: ${describe(problem.code)}.`)
    }
    return document.toJS({ maxAliasCount: 100 }) ?? {}
  } catch (error) {
    if (AglError.isInstance(error)) throw error
    const reason = error instanceof ReferenceError ? 'aliases that grow beyond measure, or that lead nowhere' : 'nested too deep'
    throw invalid(`Expected YAML 1.2 in ${file}; got ${reason}.`)
  }
}

const descriptions: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'a key is there twice',
  TAG_RESOLVE_FAILED: 'tags are not taken: write the value itself',
  MULTIPLE_DOCS: 'one document is expected',
  NON_STRING_KEY: 'a key must be a text',
  TAB_AS_INDENT: 'indent by spaces, not by tabs',
  BAD_INDENT: 'the indentation does not fit',
}

/** YAML 1.2 in our words; codes that are not in the list say what they are about. */
function describe(code: string): string {
  return descriptions[code] ?? code.toLowerCase().replaceAll('_', ' ')
}
