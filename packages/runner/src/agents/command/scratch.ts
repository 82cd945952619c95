import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorMessage, type Logger } from '@agl/types'
import { infraError } from '../infra-error.ts'
import type { TemporaryFolder } from './options.ts'

/** Files of one attempt outside its working folder, in a folder that only this user sees; made when the first one is. */
export interface Scratch {
  /** Writes a file and answers its path. */
  write(name: string, content: string): Promise<string>
  /** The path of a file that somebody else may write. */
  place(name: string): Promise<string>
  makeFolder(from: TemporaryFolder): Promise<string>
  /** Removes all of it; what cannot be removed is told to the logger. */
  remove(): Promise<void>
}

export function createScratch(logger: Logger): Scratch {
  let folder: Promise<string> | null = null
  const open = (): Promise<string> => (folder ??= mkdtemp(join(tmpdir(), 'agl-')))

  async function attempted<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      throw infraError({
        code: 'agent_not_started',
        message: `${what} for the agent's program cannot be made in ${tmpdir()}: ${errorMessage(error)}`,
        cause: error,
      })
    }
  }

  return {
    write: (name, content) =>
      attempted(`The file ${name}`, async () => {
        const path = join(await open(), name)
        await writeFile(path, content, { mode: 0o600 })
        return path
      }),
    place: (name) => attempted(`The place of ${name}`, async () => join(await open(), name)),
    makeFolder: ({ copyOf }) =>
      attempted(copyOf === undefined ? 'A folder' : `A copy of ${copyOf}`, async () => {
        const path = join(await open(), 'work')
        if (copyOf === undefined) await mkdir(path)
        else await cp(copyOf, path, { recursive: true, verbatimSymlinks: true })
        return path
      }),
    async remove() {
      if (folder === null) return
      try {
        // Something that got away may still be writing there.
        await rm(await folder, { recursive: true, force: true, maxRetries: 3 })
      } catch (error) {
        logger.warn('A temporary folder could not be removed', { error: errorMessage(error) })
      }
    },
  }
}
