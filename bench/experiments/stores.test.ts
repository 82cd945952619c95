import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { controlExperiment, type ExperimentComparison, type ExperimentState, type LiveExperiment } from '@agl/algorithms'
import type { LightningStore } from '@agl/types'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Child, openChild } from '../lib/child.ts'
import { keep, type Kept } from '../lib/keep.ts'
import { type Ask, createDesk, deskAlias, deskName, routesOf, templates } from './desk.ts'
import type { Host } from './host-child.ts'
import { openTestPlace, type Place, type PlaceName } from './places.ts'
import type { Noted, RunnerPlan } from './runner-child.ts'

const closers: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function openPlace(name: PlaceName): Promise<Place> {
  const place = await openTestPlace(name)
  closers.push(() => place.close())
  return place
}

function openHost(): Child<Host> {
  const host = openChild<Host>(new URL('./host-child.ts', import.meta.url))
  closers.push(() => host.close())
  return host
}

async function makeJournal(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'agl-experiments-journal-'))
  closers.push(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'journal')
}

/** Begun again whenever it ends; only the first one gets stuck. */
function keepRunner(name: string, { access }: Place, journal: string, stuckAt: number | null = null): Kept {
  const file = fileURLToPath(new URL('./runner-child.ts', import.meta.url))
  const runner = keep(
    name,
    (beginning) => {
      const plan: RunnerPlan = { access, journal, workerId: `${name}-${beginning}`, stuckAt: beginning === 0 ? stuckAt : null }
      return [process.execPath, ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning', file, JSON.stringify(plan)]]
    },
    { pauseMs: () => 10 },
  )
  closers.push(() => runner.stop())
  return runner
}

function readJournal(journal: string): readonly Noted[] {
  if (!existsSync(journal)) return []
  const lines = readFileSync(journal, 'utf8').split('\n')
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Noted)
}

/** More than are asked for, so that hardly anybody is moved by chance alone. */
const customers = Array.from({ length: 300 }, (_, number) => `customer-${number}`)
const askers = 40

function asks(first: number, count: number): readonly Ask[] {
  return Array.from({ length: count }, (_, index) => ({
    number: first + index,
    customer: customers[(first + index) % askers]!,
  }))
}

/** Runs them to their end. */
async function serve(live: LiveExperiment<Ask>, tasks: readonly Ask[]): Promise<void> {
  const rollouts = await live.enqueue(tasks)
  await untilFinished(
    live.store,
    rollouts.map(({ rollout_id: id }) => id),
  )
}

async function untilFinished(store: LightningStore, rolloutIds: readonly string[]): Promise<void> {
  const finished = await store.waitForRollouts({ rolloutIds, timeoutMs: 60_000 })
  expect(finished.map(({ status }) => status)).toEqual(rolloutIds.map(() => 'succeeded'))
}

interface Shown {
  readonly rollouts: number
  readonly keys: number
  /** Over customers, each with the mean of theirs. */
  readonly mean: number
}

function shownBy({ arms }: ExperimentComparison): Readonly<Record<string, Shown>> {
  return Object.fromEntries(
    arms.map(({ arm, rollouts, keys, metrics }) => [arm, { rollouts, keys, mean: metrics['reward']!.mean }]),
  )
}

/** What the agents themselves wrote down; an ask that was served again after a kill is one. */
function notedBy(journal: string, arms: Readonly<Record<string, string>>): Readonly<Record<string, Shown>> {
  const served = readJournal(journal).filter((line) => line.kind === 'served')
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  return Object.fromEntries(
    Object.entries(arms).map(([arm, template]) => {
      const own = new Map(served.filter((line) => line.template === template).map((line) => [line.rolloutId, line]))
      const byCustomer = Map.groupBy(own.values(), ({ customer }) => customer)
      const means = [...byCustomer.values()].map((lines) => mean(lines.map(({ reward }) => reward)))
      return [arm, { rollouts: own.size, keys: byCustomer.size, mean: expect.closeTo(mean(means), 9) as number }]
    }),
  )
}

async function aliasOf(store: LightningStore): Promise<ExperimentState['stable']> {
  const found = await store.getResourcesByAlias({ alias: deskAlias })
  return found === null ? null : { resourcesId: found.resources_id, version: found.version }
}

/** Where the alias is to point. */
function stableOf({ stable, arms, control }: ExperimentState): ExperimentState['stable'] {
  return stable ?? arms[control]!
}

const armOf = (route: string): string => route.split('/')[0]!
const places = ['memory', 'sqlite', 'redis', 'http'] as const satisfies readonly PlaceName[]

describe.each(places)('an experiment on %s', (name) => {
  test(
    'keeps assignments and counts while a runner is killed, arms are changed and the store is restarted',
    { timeout: 120_000 },
    async () => {
      const place = await openPlace(name)
      const journal = await makeJournal()
      const live = await createDesk('before').open({ store: place.store })
      closers.push(() => live.close())
      const host = openHost()
      await host.call('open', { access: place.access, version: 'before' })
      const first = routesOf(live, customers)
      expect(new Set(first)).toEqual(new Set(['plain/desk.plain/1', 'polite/desk.polite/1']))

      // A runner dies in the middle of it.
      const stuckAt = 20
      const runner = keepRunner('runner', place, journal, stuckAt)
      const rollouts = await live.enqueue(asks(0, 80))
      const { rollout_id: stuck } = rollouts[stuckAt]!
      await vi.waitFor(() => expect(readJournal(journal)).toContainEqual({ kind: 'stuck', rolloutId: stuck }), {
        timeout: 20_000,
      })
      runner.kill()
      await untilFinished(
        place.store,
        rollouts.map(({ rollout_id: id }) => id),
      )
      expect((await place.store.queryAttempts({ rolloutId: stuck })).items.length).toBeGreaterThan(1)
      expect(shownBy(await live.compare())).toEqual(notedBy(journal, templates.before))
      expect(routesOf(live, customers)).toEqual(first)

      // The program comes with another prompt for one arm and with a new arm.
      await expect(createDesk('after').open({ store: place.store })).rejects.toMatchObject({ code: 'conflict' })
      const change = { by: 'developer', reason: 'a prompt that is nicer, and one that is shorter' }
      const changed = await createDesk('after').open({ store: place.store, change })
      closers.push(() => changed.close())
      expect(changed.state).toMatchObject({
        revision: 2,
        action: 'change',
        ...change,
        arms: {
          plain: { resourcesId: 'desk.plain', version: 1 },
          polite: { resourcesId: 'desk.polite', version: 2 },
          brief: { resourcesId: 'desk.brief', version: 1 },
        },
      })
      const second = routesOf(changed, customers)
      expect(second.map(armOf)).toEqual(first.map((route, index) => (armOf(second[index]!) === 'brief' ? 'brief' : armOf(route))))
      expect(new Set(second)).toEqual(new Set(['plain/desk.plain/1', 'polite/desk.polite/2', 'brief/desk.brief/1']))
      // The services that have it open hear of it.
      expect(await host.call('hearsOf', 2)).toEqual(changed.state)
      expect(await host.call('routes', customers)).toEqual(second)
      await serve(changed, asks(80, 80))
      const counted = await changed.compare()
      expect(shownBy(counted)).toEqual(notedBy(journal, templates.after))

      // The store goes away and comes back; one service has it open all the time.
      await runner.stop()
      for (const each of [live, changed]) await each.close()
      await place.restart()
      const again = await createDesk('after').open({ store: place.store })
      closers.push(() => again.close())
      expect(again.history()).toEqual(changed.history())
      expect(routesOf(again, customers)).toEqual(second)
      expect(await again.compare()).toEqual(counted)
      const later = openHost()
      await later.call('open', { access: place.access, version: 'after' })
      expect(await later.call('routes', customers)).toEqual(second)
      keepRunner('runner-after', place, journal)
      await serve(again, asks(160, 40))
      expect(shownBy(await again.compare())).toEqual(notedBy(journal, templates.after))

      const author = { by: 'developer', reason: 'the trial says so' }
      expect(await aliasOf(place.store)).toEqual({ resourcesId: 'desk.plain', version: 1 })
      const promoted = await again.promote({ arm: 'polite', ...author })
      expect(await aliasOf(place.store)).toEqual({ resourcesId: 'desk.polite', version: 2 })
      for (const each of [host, later]) expect(await each.call('hearsOf', promoted.revision)).toEqual(promoted)
      expect(new Set(await later.call('routes', customers))).toEqual(new Set(['polite/desk.polite/2']))
      const back = await again.rollback(author)
      expect(await aliasOf(place.store)).toEqual({ resourcesId: 'desk.plain', version: 1 })
      expect(await later.call('hearsOf', back.revision)).toEqual(back)
      expect(new Set(await later.call('routes', customers))).toEqual(new Set(['plain/desk.plain/1']))
    },
  )

  test(
    'gives each revision to one of two processes that take steps at once, and the alias follows the last',
    { timeout: 120_000 },
    async () => {
      const place = await openPlace(name)
      const hosts = [openHost(), openHost()]
      // Both find nothing, and define it.
      await Promise.all(hosts.map((host) => host.call('open', { access: place.access, version: 'after' })))
      const live = await createDesk('after').open({ store: place.store })
      closers.push(() => live.close())
      const takers = new Map<number, string>()
      for (let round = 1; round <= 10; round += 1) {
        const taken = await Promise.all(
          hosts.map((host, index) => host.call('takeSteps', { by: `host-${index}`, seed: round, times: 6 })),
        )
        const all = taken.flatMap((revisions, index) => revisions.map((revision) => [revision, `host-${index}`] as const))
        for (const [revision, by] of all) {
          expect(takers.has(revision)).toBe(false)
          takers.set(revision, by)
        }
        const history = await controlExperiment({ store: place.store, name: deskName }).history()
        expect(history.map(({ revision }) => revision)).toEqual(history.map((_, index) => index + 1))
        expect(history.slice(1).map(({ revision, by }) => [revision, by])).toEqual([...takers].toSorted(([a], [b]) => a - b))
        expect(history.slice(1).map(breaksWith(history))).toEqual(history.slice(1).map(() => null))
        const last = history.at(-1)!
        expect(await aliasOf(place.store)).toEqual(stableOf(last))
        await vi.waitFor(() => expect(live.state).toEqual(last), { timeout: 10_000, interval: 5 })
        for (const host of hosts) expect(await host.call('hearsOf', last.revision)).toEqual(last)
      }
      expect(new Set(takers.values())).toEqual(new Set(['host-0', 'host-1']))
    },
  )
})

/** What is wrong with a step after the one before it; null = nothing. */
function breaksWith(history: readonly ExperimentState[]): (state: ExperimentState) => string | null {
  return (state) => {
    const before = history[state.revision - 2]!
    switch (state.action) {
      case 'promote':
        if (before.phase === 'promoted' && before.candidate === state.candidate) return 'promoted twice'
        return isSame(state.previous, stableOf(before)) ? null : 'does not know where the alias was'
      case 'rollback':
        if (before.phase === 'rolled_back') return 'rolled back twice'
        return isSame(state.stable, before.phase === 'promoted' ? before.previous : before.stable) ? null : 'goes back elsewhere'
      default:
        return `nobody was told to ${state.action}`
    }
  }
}

function isSame(one: ExperimentState['stable'], other: ExperimentState['stable']): boolean {
  return one?.resourcesId === other?.resourcesId && one?.version === other?.version
}
