import { randomBytes, randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseOptions } from '@agl/types'
import { z } from 'zod'
import { superviseRunners } from '../children/supervise.ts'
import { runBeside } from '../run-beside.ts'
import { serveStore } from '../serve-store.ts'
import { serveClaims } from '../served-claims.ts'
import type { ExecutionParts, ExecutionStrategy } from '../strategy.ts'
import { childDefaults, type ChildOptions, childOptionShapes, graceFor, limitsFor } from './child-options.ts'

/** Options of the strategy `ipc`. */
export interface IpcOptions extends ChildOptions {
  readonly type?: 'ipc'
}

const optionsSchema = z.strictObject({ type: z.literal('ipc').optional(), ...childOptionShapes })

/**
 * The algorithm here, each runner in a child process, the store served to them over a socket that only this user can open. No port.
 */
export function createIpcStrategy(options: IpcOptions = {}): ExecutionStrategy {
  const resolved = parseOptions(optionsSchema, options, childDefaults, 'options of the strategy ipc')
  return Object.freeze({
    name: 'ipc',
    async execute<Result>(parts: ExecutionParts<Result>) {
      const description = await parts.describeRunner()
      const { logger, metrics } = parts
      const claims = serveClaims(parts.store)
      const token = randomBytes(24).toString('hex')
      return await withSocketFolder(async (folder, socketPath) => {
        const server = await serveStore(claims, 'ipc', {
          socketPath,
          metrics: false,
          logger,
          tokens: [{ token, role: 'runner', name: 'runners' }],
        })
        try {
          return await runBeside(parts, () => {
            const limits = limitsFor(description.settings, resolved)
            const group = superviseRunners({
              ...resolved,
              graceMs: resolved.graceMs ?? graceFor(description.settings),
              count: parts.nRunners,
              concurrency: parts.concurrency,
              job: { ...description, store: { kind: 'server', url: server.url, token }, folder, limits },
              logger,
              metrics,
              onGone: claims.bury,
            })
            return {
              ended: group.ended,
              stop() {
                claims.end()
                return group.stop()
              },
            }
          })
        } finally {
          await server.close()
        }
      })
    },
  })
}

/** A socket in a new folder that nobody else may enter, gone when the work is done, or the process ends before that. */
async function withSocketFolder<Result>(work: (folder: string, socketPath: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(path.join(tmpdir(), `agl-${process.pid}-`))
  const removeNow = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeNow)
  // Pipes of Windows have a place of their own.
  const socketPath = process.platform === 'win32' ? `\\\\.\\pipe\\agl-${randomUUID()}` : path.join(folder, 'store.sock')
  try {
    return await work(folder, socketPath)
  } finally {
    await rm(folder, { recursive: true, force: true })
    process.off('exit', removeNow)
  }
}
