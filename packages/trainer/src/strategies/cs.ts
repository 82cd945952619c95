import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { AglError, type LightningStore, type ReadableMetrics } from '@agl/types'
import type { StoreAccess } from '../children/protocol.ts'
import { superviseRunners } from '../children/supervise.ts'
import { type RunnerGroup, runBeside } from '../run-beside.ts'
import { openClient, serveStore } from '../serve-store.ts'
import { serveClaims, type ServedClaims } from '../served-claims.ts'
import type { ExecutionParts, ExecutionStrategy, RunnerDescription } from '../strategy.ts'
import { graceFor, limitsFor } from './child-options.ts'
import { type CsOptions, type ResolvedCsOptions, resolveCsOptions } from './cs-options.ts'
import { groupOf } from './shm.ts'

/** Algorithm and store in one process, runners in others, on this machine and elsewhere, over HTTP. */
export function createCsStrategy(options: CsOptions = {}): ExecutionStrategy {
  const resolved = resolveCsOptions(options)
  return Object.freeze({
    name: 'cs',
    async execute<Result>(parts: ExecutionParts<Result>) {
      const nRunners = resolved.nRunners ?? parts.nRunners
      switch (resolved.role) {
        case 'runner':
          await runRunners({ ...parts, nRunners }, resolved)
          return undefined
        case 'algorithm':
        case 'both':
          return resolved.managedStore
            ? await runServing({ ...parts, nRunners }, resolved)
            : await runSharing({ ...parts, nRunners }, resolved)
        default:
          return resolved.role satisfies never
      }
    },
  })
}

async function runServing<Result>(parts: ExecutionParts<Result>, options: ResolvedCsOptions): Promise<Result> {
  const { logger } = parts
  // Before anything begins: what cannot run in a child is told at once.
  const description = options.role === 'both' ? await parts.describeRunner() : null
  const { tokens = [], host, port, allowUnauthenticated } = options
  const childToken = tokens.length === 0 ? null : randomBytes(24).toString('hex')
  const claims = serveClaims(parts.store)
  const server = await serveStore(claims, 'cs', {
    host,
    port,
    logger,
    ...(parts.metrics !== null && 'read' in parts.metrics ? { metrics: parts.metrics as ReadableMetrics } : {}),
    ...(allowUnauthenticated === undefined ? {} : { allowUnauthenticated }),
    ...(childToken === null
      ? {}
      : { tokens: [...tokens, { token: childToken, role: 'runner' as const, name: 'runners of this process' }] }),
  })
  try {
    options.onListening?.(server.url)
    return await runBeside(parts, () => {
      const group =
        description === null
          ? null
          : supervise(parts, options, {
              description,
              store: { kind: 'server', url: server.url, token: childToken },
              onGone: claims.bury,
            })
      const others = new Promise<never>(() => {})
      return {
        // Runners elsewhere come and go; it is without any only when its own have ended and nobody else has been there.
        ended: group?.ended.then((reason) => (reason === null && claims.hasClaimants() ? others : reason)) ?? others,
        async stop() {
          claims.end()
          await Promise.all([group?.stop(), drain(claims, options.drainMs)])
        },
      }
    })
  } finally {
    await server.close()
  }
}

/** Serves runners elsewhere to the end of what they run, and tells those that take too long for it to stop. */
async function drain(claims: ServedClaims, drainMs: number): Promise<void> {
  for (const step of [() => {}, claims.recall]) {
    step()
    const done = new AbortController()
    const isOver = new AbortController()
    void sleep(drainMs, undefined, { signal: done.signal }).then(
      () => isOver.abort(),
      () => {},
    )
    await claims.untilDrained(isOver.signal)
    done.abort()
    if (!isOver.signal.aborted) return
  }
}

/** The algorithm over a store that all sides share by themselves. */
async function runSharing<Result>(parts: ExecutionParts<Result>, options: ResolvedCsOptions): Promise<Result> {
  const start = options.role === 'both' ? await describeSharing(parts, options) : null
  return await runBeside(parts, () => start?.() ?? null)
}

async function runRunners(parts: ExecutionParts, options: ResolvedCsOptions): Promise<void> {
  const { signal, nRunners } = parts
  signal.throwIfAborted()
  if (nRunners > 1) {
    const start = await (options.managedStore ? describeRemote(parts, options) : describeSharing(parts, options))
    return await untilEnded(start(), signal)
  }
  const client = options.managedStore ? await connect(options, parts) : null
  try {
    const runner = await parts.makeRunner(client === null ? {} : { store: client })
    const stop = new AbortController()
    await untilEnded(groupOf([runner.run({ signal: stop.signal })], stop), signal)
  } finally {
    await client?.close()
  }
}

/** Resolves when the runners have ended by themselves, as after the end of the run; rejects when they cannot go on. */
async function untilEnded(group: RunnerGroup, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    await Promise.race([group.ended, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
    await group.stop()
  }
}

type Start = () => RunnerGroup

async function describeRemote(parts: ExecutionParts, options: ResolvedCsOptions): Promise<Start> {
  const description = await parts.describeRunner()
  const client = await connect(options, parts)
  await client.close()
  const store: StoreAccess = { kind: 'server', url: urlOf(options), token: options.token ?? null }
  return () => supervise(parts, options, { description, store })
}

async function describeSharing(parts: ExecutionParts, options: ResolvedCsOptions): Promise<Start> {
  const { spec, name } = parts.store
  if (spec === undefined || spec === null) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Without a managed store runner processes open the store themselves, which ${name} has no way for: leave out \`managedStore: false\` (AGL_MANAGED_STORE), or use a store that processes share, as @agl/store-redis.`,
    })
  }
  const description = await parts.describeRunner()
  return () => supervise(parts, options, { description, store: { kind: 'spec', spec } })
}

interface Supervised {
  readonly description: RunnerDescription
  readonly store: StoreAccess
  readonly onGone?: ServedClaims['bury']
}

function supervise(
  { nRunners: count, concurrency, logger, metrics }: ExecutionParts,
  options: ResolvedCsOptions,
  { description, store, onGone = async () => {} }: Supervised,
): RunnerGroup {
  const graceMs = options.graceMs ?? graceFor(description.settings)
  const limits = limitsFor(description.settings, options)
  const job = { ...description, store, folder: null, limits }
  return superviseRunners({ ...options, graceMs, count, concurrency, job, logger, metrics, onGone })
}

function urlOf({ host, port }: ResolvedCsOptions): string {
  return `http://${host.includes(':') ? `[${host.replace(/^\[|\]$/g, '')}]` : host}:${port}`
}

/** Machines start in any order: runners wait for their server. */
async function connect(options: ResolvedCsOptions, { logger, signal }: ExecutionParts): Promise<LightningStore> {
  const url = urlOf(options)
  const access = { url, ...(options.token === undefined ? {} : { token: options.token }) }
  const end = performance.now() + options.connectMs
  for (;;) {
    signal.throwIfAborted()
    try {
      const probe = await openClient({ ...access, retry: { attempts: 1 } })
      await probe.close()
      return await openClient(access)
    } catch (error) {
      if (!AglError.isInstance(error) || !error.isRetryable || performance.now() >= end) throw error
      logger.info('The server of the algorithm is not there yet; trying again', { url })
      await sleep(500, undefined, { signal }).catch(() => {})
    }
  }
}
