import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseOptions } from '@agl/types'
import { z } from 'zod'

export interface WatchFilesOptions {
  /** Ends the watch. */
  readonly signal?: AbortSignal
  /** How long files must have been left alone before a change counts, in milliseconds; at least 0. */
  readonly debounceMs?: number
  /** How often files are looked at where the system tells nothing (network drives, containers), in milliseconds; at least 10. */
  readonly pollMs?: number
}

/** The defaults of {@link WatchFilesOptions}. */
export const watchFilesDefaults: Readonly<Required<Omit<WatchFilesOptions, 'signal'>>> = Object.freeze({
  debounceMs: 100,
  pollMs: 2000,
})

export const watchShape: Readonly<Record<keyof WatchFilesOptions, z.ZodType>> = Object.freeze({
  signal: z.instanceof(AbortSignal).optional(),
  debounceMs: z.number().min(0).optional(),
  pollMs: z.number().min(10).optional(),
})

/** Files that are being watched. */
export interface FileWatch {
  /** Waits until a file has changed since the last call, or since the watch began; answers which; null once it is over. */
  next(): Promise<readonly string[] | null>
  close(): void
}

/**
 * Watches files: the folders they are in, so that a file that an editor puts in the place of another counts, and by a look now and
 * then. It begins at once: what changes after the promise is fulfilled is told. Files need not exist. A watch does not keep the process
 * running.
 */
export async function watchFiles(files: readonly string[], options: WatchFilesOptions = {}): Promise<FileWatch> {
  const { signal, debounceMs, pollMs } = parseOptions(
    z.strictObject(watchShape),
    options,
    watchFilesDefaults,
    'options of watchFiles',
  )
  const paths = files.map((file) => resolve(file))
  let last = await statesOf(paths)
  const end = new AbortController()
  const over = signal === undefined ? end.signal : AbortSignal.any([end.signal, signal])
  let wake = Promise.withResolvers<void>()
  let events = 0
  const onEvent = (): void => {
    events++
    wake.resolve()
  }
  const watchers = [...new Set(paths.map((path) => dirname(path)))].flatMap((folder) => watchFolder(folder, onEvent))
  const close = (): void => {
    for (const watcher of watchers.splice(0)) watcher.close()
    end.abort()
  }
  over.addEventListener('abort', () => {
    close()
    wake.resolve()
  })
  if (over.aborted) close()

  async function untilQuiet(): Promise<void> {
    let seen: number
    do {
      seen = events
      await pause(debounceMs, undefined, { signal: over, ref: false }).catch(() => {})
    } while (seen !== events && !over.aborted)
  }

  async function next(): Promise<readonly string[] | null> {
    while (!over.aborted) {
      const polled = new AbortController()
      const poll = pause(pollMs, undefined, { signal: polled.signal, ref: false }).catch(() => {})
      await Promise.race([wake.promise, poll])
      polled.abort()
      wake = Promise.withResolvers()
      if (over.aborted) break
      const seen = await statesOf(paths)
      if (paths.every((_, index) => seen[index] === last[index])) continue
      await untilQuiet()
      const present = await statesOf(paths)
      const changed = paths.filter((_, index) => present[index] !== last[index])
      last = present
      if (changed.length > 0 && !over.aborted) return changed
    }
    return null
  }

  return Object.freeze({ next, close })
}

/** A folder that cannot be watched is left to the looks. */
function watchFolder(folder: string, onEvent: () => void): readonly FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, onEvent)
    watcher.on('error', () => watcher.close())
    return [watcher]
  } catch {
    return []
  }
}

/** What differs when a file was written, replaced or removed; links are followed. */
async function statesOf(paths: readonly string[]): Promise<readonly string[]> {
  return Promise.all(
    paths.map(async (path) => {
      const found = await stat(path, { bigint: true }).catch(() => null)
      return found === null ? 'missing' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`
    }),
  )
}
