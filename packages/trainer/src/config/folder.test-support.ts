import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

export interface TestFolder {
  readonly path: string
  /** Writes a file and answers its path. */
  write(name: string, text: string): string
}

/** A folder that is gone after the test. */
export function testFolder(): TestFolder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'agl config ')))
  onTestFinished(() => rmSync(path, { recursive: true }))
  const write = (name: string, text: string): string => {
    const file = join(path, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }
  return { path, write }
}
