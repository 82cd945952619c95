import { AglError, type Dataset, describeValue, implementing, jsonOffender, parseOptions, parseOrThrow } from '@agl/types'
import { z } from 'zod'
import { type FileFormat, readFileRows, type Row } from './read-rows.ts'

export interface LoadDatasetOptions<Task = unknown> {
  /** What every row has to be, and is made into: `z.object({ question: z.string(), price: z.coerce.number() })`. Default: any JSON. */
  readonly schema?: z.ZodType<Task>
  /** Most tasks that are read, at least 1; a stream is left after them. Default: all. */
  readonly limit?: number
  /** Of a file. Default: by its ending: `.jsonl` or `.ndjson`, `.json` (a list), `.csv`. */
  readonly format?: FileFormat
  /** Between the columns of a CSV file. Default `,`. */
  readonly delimiter?: string
  readonly signal?: AbortSignal
}

/** Rows that are there, or come. */
export type DatasetSource<Task> = Dataset<Task> | Iterable<Task> | AsyncIterable<Task>

const optionsSchema = z.strictObject({
  schema: implementing<z.ZodType>('a zod schema', 'safeParse').optional(),
  limit: z.int().min(1).optional(),
  format: z.enum(['jsonl', 'json', 'csv']).optional(),
  delimiter: z.string().min(1).optional(),
  signal: z.instanceof(AbortSignal).optional(),
})

/**
 * Tasks from a file, an array, anything that can be iterated, now or as it comes. Every task is checked to be JSON, as
 * stores keep it, and against the schema: an error names the file and the line, what was expected, and what came.
 * @throws AglError `invalid_argument`, `not_found` for a file that is not there
 */
export async function loadDataset<Task>(
  source: string | URL | DatasetSource<unknown>,
  options: LoadDatasetOptions<Task> & { readonly schema: z.ZodType<Task> },
): Promise<readonly Task[]>
export async function loadDataset<Task = unknown>(
  source: string | URL,
  options?: LoadDatasetOptions<Task>,
): Promise<readonly Task[]>
export async function loadDataset<Task>(source: DatasetSource<Task>, options?: LoadDatasetOptions<Task>): Promise<readonly Task[]>
export async function loadDataset(
  source: string | URL | DatasetSource<unknown>,
  options: LoadDatasetOptions = {},
): Promise<readonly unknown[]> {
  const { schema, limit, format, delimiter, signal } = parseOptions(
    optionsSchema,
    options,
    { limit: Infinity, delimiter: ',' },
    'options of loadDataset',
  )
  const rows = typeof source === 'string' || source instanceof URL ? readFileRows(source, { format, delimiter }) : rowsOf(source)
  const tasks: unknown[] = []
  for await (const { value, place } of untilAborted(rows, signal)) {
    tasks.push(checkTask(value, place, schema))
    // Before the next row is asked for: of a stream nothing is taken that is not used.
    if (tasks.length === limit) break
  }
  return tasks
}

function checkTask(value: unknown, place: string, schema: z.ZodType | undefined): unknown {
  const task = schema === undefined ? value : parseOrThrow(schema, value, `task (${place})`)
  const offender = jsonOffender(task)
  if (offender === null) return task
  const message = `Expected JSON as a task (${place}); ${offender.path || 'it'} is ${offender.description}.`
  throw new AglError({ code: 'invalid_argument', message })
}

async function* rowsOf(source: DatasetSource<unknown>): AsyncGenerator<Row> {
  let index = 0
  for await (const value of toIterable(source)) {
    yield { value, place: `item ${index}` }
    index += 1
  }
}

function toIterable(source: DatasetSource<unknown>): Iterable<unknown> | AsyncIterable<unknown> {
  if (typeof source === 'object' && source !== null) {
    if (Symbol.asyncIterator in source || Symbol.iterator in source) return source
    if ('length' in source) return Array.from(source)
  }
  const message = `Expected tasks as the path of a file, a list, or something to iterate; got ${describeValue(source)}.`
  throw new AglError({ code: 'invalid_argument', message })
}

/** The rows until the signal is aborted, also while one is waited for. Who leaves early lets go of the source. */
async function* untilAborted(rows: AsyncIterable<Row>, signal: AbortSignal | undefined): AsyncGenerator<Row> {
  if (signal === undefined) return yield* rows
  signal.throwIfAborted()
  const iterator = rows[Symbol.asyncIterator]()
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted])
      if (next.done === true) return
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // A generator that waits for its next row ends only after that: nobody waits for it.
    const left = iterator.return?.()
    if (signal.aborted) left?.catch(() => {})
    else await left
  }
}
