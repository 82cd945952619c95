import { open, readFile } from 'node:fs/promises'
import { AglError, errorMessage, type JsonValue, parseOrThrow, type RunState } from '@agl/types'
import { z } from 'zod'
import { createWriteBehind } from './write-behind.ts'

const entrySchema = z.tuple([z.string(), z.json()])

/**
 * A state in a file of JSON Lines, `[key, value]` each, to which is only added. What is saved has reached the disk. A last line that was
 * cut short by a crash was never acknowledged and is taken away.
 * @param file made when it is not there; its folder must be. One process at a time.
 */
export function createFileState(file: string): RunState {
  let reading: Promise<Map<string, JsonValue>> | null = null
  const read = (): Promise<Map<string, JsonValue>> => (reading ??= readEntries(file))

  const { add } = createWriteBehind<readonly [string, JsonValue]>(async (batch) => {
    const values = await read()
    const handle = await open(file, 'a')
    try {
      const { size } = await handle.stat()
      try {
        await handle.appendFile(batch.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
        await handle.datasync()
      } catch (error) {
        // On a full disk: what is saved next must not follow half a line.
        await handle.truncate(size).catch(() => {})
        throw error
      }
    } finally {
      await handle.close()
    }
    for (const [key, value] of batch) values.set(key, value)
  })

  return Object.freeze<RunState>({
    load: async (key) => (await read()).get(key),
    save: async (key, value) => add([key, structuredClone(value)]),
  })
}

async function readEntries(file: string): Promise<Map<string, JsonValue>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  })
  const complete = text.slice(0, text.lastIndexOf('\n') + 1)
  if (complete.length < text.length) await cutTo(file, Buffer.byteLength(complete))
  const values = new Map<string, JsonValue>()
  for (const [index, line] of complete.split('\n').slice(0, -1).entries()) {
    const [key, value] = readEntry(line, `${file}, line ${index + 1}`)
    values.set(key, value)
  }
  return values
}

function readEntry(line: string, place: string): readonly [string, JsonValue] {
  let entry: unknown
  try {
    entry = JSON.parse(line)
  } catch (cause) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected ${place} to be a line of a run's state, ["key", value]: ${errorMessage(cause)}. Give the run a file of its own.`,
      cause,
    })
  }
  return parseOrThrow(entrySchema, entry, place) as [string, JsonValue]
}

async function cutTo(file: string, bytes: number): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    await handle.truncate(bytes)
    await handle.datasync()
  } finally {
    await handle.close()
  }
}
