/**
 * A store in one file of JSON lines. Each line is what one call changed, so a call is on the disk as a whole or not at
 * all; the last line that names a record is right. When the file is opened it is read, and written anew without the lines
 * that others have overtaken.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { type Clock, createBasicStore, type RecordStorage } from '@agl/store-kit'
import { AglError, type JsonValue, type LightningStore } from '@agl/types'

export interface FileStoreOptions {
  /** Made when it is not there. One process at a time may have it open. */
  readonly file: string
  /** Whether each call waits until its line is safe from a power cut, not only from the end of the process. Default: false. */
  readonly isSynced?: boolean
  /** Default: the system's clock. */
  readonly clock?: Clock
}

export function createFileStore({ file, isSynced = false, clock }: FileStoreOptions): LightningStore {
  const storage = openFile(file, isSynced)
  return createBasicStore({ name: 'FileStore', storage, ...(clock === undefined ? {} : { clock }) })
}

type Line = readonly (readonly [key: string, value: JsonValue])[]

function openFile(file: string, isSynced: boolean): RecordStorage {
  const records = new Map(existsSync(file) ? readLines(file).flat() : [])
  compact(file, records)
  const descriptor = openSync(file, 'a')
  return {
    read: () => records,
    write(changes) {
      writeSync(descriptor, `${JSON.stringify(changes)}\n`)
      if (isSynced) fsyncSync(descriptor)
    },
    close() {
      closeSync(descriptor)
    },
  }
}

function readLines(file: string): readonly Line[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  // After the last line break lies nothing, or a line whose writing was cut off: its call was never answered.
  return lines.slice(0, -1).map((text, index) => parseLine(text, index + 1, file))
}

function parseLine(text: string, number: number, file: string): Line {
  try {
    return JSON.parse(text) as Line
  } catch (cause) {
    throw new AglError({ code: 'invalid_argument', message: `${file}, line ${number}: expected a line of JSON.`, cause })
  }
}

/** Replaces the file in one step: a crash leaves the old one or the new one. */
function compact(file: string, records: ReadonlyMap<string, JsonValue>): void {
  const lines = [...records].map((record) => `${JSON.stringify([record])}\n`)
  const descriptor = openSync(`${file}.new`, 'w')
  writeFileSync(descriptor, lines.join(''))
  fsyncSync(descriptor)
  closeSync(descriptor)
  renameSync(`${file}.new`, file)
}
