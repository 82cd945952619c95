import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { AglError, describeValue, errorMessage } from '@agl/types'

/** A row of a source, and where it is, for messages. */
export interface Row {
  readonly value: unknown
  readonly place: string
}

export type FileFormat = 'jsonl' | 'json' | 'csv'

const formatsByEnding: ReadonlyMap<string, FileFormat> = new Map([
  ['.jsonl', 'jsonl'],
  ['.ndjson', 'jsonl'],
  ['.json', 'json'],
  ['.csv', 'csv'],
])

export interface FileOptions {
  readonly format?: FileFormat | undefined
  readonly delimiter: string
}

/** Rows of a file, as they are read. */
export function readFileRows(file: string | URL, { format, delimiter }: FileOptions): AsyncIterable<Row> {
  const path = toPath(file)
  const chosen = format ?? formatsByEnding.get(/\.[^./\\]+$/.exec(path)?.[0].toLowerCase() ?? '')
  switch (chosen) {
    case 'jsonl':
      return explainMissing(readJsonLines(path))
    case 'json':
      return explainMissing(readJsonList(path))
    case 'csv':
      return explainMissing(readCsv(path, delimiter))
    case undefined:
      throw invalid(`Expected a file that ends in ${[...formatsByEnding.keys()].join(', ')}; got ${path}. Or say its \`format\`.`)
    default:
      return chosen satisfies never
  }
}

function toPath(file: string | URL): string {
  if (typeof file === 'string' && !/^[a-z][a-z+]+:\/\//i.test(file)) return file
  const url = new URL(file)
  if (url.protocol === 'file:') return fileURLToPath(url)
  throw invalid(
    `Expected a file of this machine; got ${url.protocol}//${url.host}${url.pathname}. Fetch it first, and give its rows or a file.`,
  )
}

/** A line may end in `\r\n`; only `\n` ends one, as JSON texts may hold every other break. Empty lines are passed over. */
async function* readJsonLines(path: string): AsyncGenerator<Row> {
  let line = 0
  for await (const text of readLines(path)) {
    line += 1
    if (text.trim() !== '') yield { value: parseJson(text, `${path}, line ${line}`), place: `${path}, line ${line}` }
  }
}

async function* readLines(path: string): AsyncGenerator<string> {
  let pending = ''
  let isFirst = true
  for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
    const lines = (pending + (isFirst ? withoutMark(chunk as string) : (chunk as string))).split('\n')
    isFirst = false
    pending = lines.pop()!
    yield* lines
  }
  yield pending
}

async function* readJsonList(path: string): AsyncGenerator<Row> {
  const list = parseJson(withoutMark(await readFile(path, 'utf8')), path)
  if (!Array.isArray(list)) throw invalid(`Expected ${path} to hold a list of tasks; got ${describeValue(list)}.`)
  for (const [index, value] of list.entries()) yield { value: value as unknown, place: `${path}, item ${index}` }
}

/** The first row names the columns. Values are texts. A row may go over several lines; it is found by the last of them. */
async function* readCsv(path: string, delimiter: string): AsyncGenerator<Row> {
  const { parse } = await import('csv-parse')
  const source = createReadStream(path)
  const parser = parse({
    bom: true,
    columns: (header) => checkHeader(path, header),
    delimiter,
    info: true,
    skip_empty_lines: true,
  })
  source.on('error', (error) => parser.destroy(error))
  try {
    for await (const { record, info } of source.pipe(parser) as AsyncIterable<{ record: unknown; info: { lines: number } }>) {
      yield { value: record, place: `${path}, line ${info.lines}` }
    }
  } catch (error) {
    const isOfParser = error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_')
    throw isOfParser
      ? invalid(`${path} is no CSV with the delimiter ${JSON.stringify(delimiter)}: ${error.message}.`, error)
      : error
  } finally {
    source.destroy()
  }
}

function checkHeader(path: string, header: readonly string[]): string[] {
  const twice = header.find((name, index) => header.indexOf(name) < index)
  if (twice === undefined) return [...header]
  throw invalid(`Expected the first line of ${path} to name each column once; got ${JSON.stringify(twice)} twice.`)
}

function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalid(`Expected JSON in ${place}; got ${describeValue(text.trim())}: ${errorMessage(error)}.`, error)
  }
}

async function* explainMissing(rows: AsyncIterable<Row>): AsyncGenerator<Row> {
  try {
    yield* rows
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code !== 'ENOENT' && code !== 'EISDIR' && code !== 'EACCES') throw error
    throw new AglError({
      code: 'not_found',
      message: `There is no file to read tasks from: ${errorMessage(error)}.`,
      cause: error,
    })
  }
}

function invalid(message: string, cause?: unknown): AglError {
  return new AglError({ code: 'invalid_argument', message, ...(cause !== undefined && { cause }) })
}
