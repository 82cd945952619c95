import { execFile } from 'node:child_process'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { createMemoryStore } from '@agl/store-memory'
import { type LightningStore, type RunState, silentLogger } from '@agl/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFileState } from './file-state.ts'
import { createMemoryState } from './memory-state.ts'
import { openRun, runNames } from './open-run.ts'

let folder = ''
beforeAll(async () => void (folder = await mkdtemp(path.join(os.tmpdir(), 'agl-state-'))))
afterAll(async () => rm(folder, { recursive: true }))

const open = (store: LightningStore, runId = 'run-1', name = 'apo') => openRun({ store, name, runId, logger: silentLogger })

describe('a state', () => {
  const store = createMemoryStore()
  let turn = 0
  const makers: Readonly<Record<string, () => Promise<() => Promise<RunState>>>> = {
    async memory() {
      const state = createMemoryState()
      return async () => state
    },
    async file() {
      const file = path.join(folder, `state-${(turn += 1)}.jsonl`)
      return async () => createFileState(file)
    },
    async store() {
      const runId = `run-of-state-${(turn += 1)}`
      return async () => (await open(store, runId)).state
    },
  }
  for (const [kind, make] of Object.entries(makers)) {
    it(`gives back what was saved last, also to a later process (${kind})`, async () => {
      const reopen = await make()
      const state = await reopen()
      expect(await state.load('a')).toBeUndefined()
      await Promise.all([state.save('a', 1), state.save('b', { text: 'line\nline', list: [null, true] }), state.save('a', 2)])
      expect(await state.load('a')).toBe(2)
      const later = await reopen()
      expect(await later.load('a')).toBe(2)
      expect(await later.load('b')).toEqual({ text: 'line\nline', list: [null, true] })
      await later.save('a', 3)
      expect(await (await reopen()).load('a')).toBe(3)
    })
  }
})

describe('createFileState', () => {
  it('takes away a last line that a crash has cut', async () => {
    const file = path.join(folder, 'cut.jsonl')
    await createFileState(file).save('a', 1)
    await appendFile(file, '["b",')
    const state = createFileState(file)
    expect(await state.load('b')).toBeUndefined()
    await state.save('c', 3)
    expect(await readFile(file, 'utf8')).toBe('["a",1]\n["c",3]\n')
  })

  it('leaves no half line when the disk is full, so that what is saved later can be read', async () => {
    const file = path.join(folder, 'full.jsonl')
    const program = `
      const { createFileState } = await import(${JSON.stringify(new URL('file-state.ts', import.meta.url).href)})
      const state = createFileState(${JSON.stringify(file)})
      await state.save('a', 1)
      const failed = await state.save('large', 'x'.repeat(4_000)).then(() => null, (error) => error.code)
      await state.save('b', 2)
      process.stdout.write(String(failed))`
    const limited = `ulimit -f 1 && exec "${process.execPath}" --conditions=@agl/source --input-type=module -e "$0"`
    const { stdout } = await promisify(execFile)('bash', ['-c', limited, program])
    expect(stdout).toBe('EFBIG')
    expect(await readFile(file, 'utf8')).toBe('["a",1]\n["b",2]\n')
  })

  it('refuses a file that is something else', async () => {
    const file = path.join(folder, 'other.jsonl')
    await writeFile(file, '{"a": 1}\n')
    await expect(createFileState(file).load('a')).rejects.toThrow(/other\.jsonl, line 1/)
    expect(await readFile(file, 'utf8')).toBe('{"a": 1}\n')
  })
})

describe('openRun', () => {
  it('leaves nothing in the store when there is nothing to keep', async () => {
    await using store = createMemoryStore()
    const run = await open(store)
    run.report({ type: 'note', text: 'hello' })
    await run.end(null)
    expect((await store.queryRollouts()).total).toBe(0)
  })

  it('is a rollout that nobody claims, with the metrics of each step as spans', async () => {
    await using store = createMemoryStore()
    const run = await open(store)
    run.report({ type: 'metrics', step: 1, metrics: { reward: 0.5, broken: Number.NaN } })
    run.report({ type: 'metrics', step: 2, metrics: { reward: 0.75 } })
    expect(await store.dequeueRollout()).toBeNull()
    await run.end(null)
    const { items } = await store.querySpans({ rolloutId: 'run-1', name: runNames.metricsSpan })
    expect(items.map(({ attributes }) => attributes)).toEqual([
      { 'agl.run.step': 1, 'agl.run.metric.reward': 0.5 },
      { 'agl.run.step': 2, 'agl.run.metric.reward': 0.75 },
    ])
    expect(await store.getRolloutById({ rolloutId: 'run-1' })).toMatchObject({
      status: 'succeeded',
      labels: { 'agl.run': 'apo' },
    })
  })

  it('makes each process an attempt, and settles what a dead one left open', async () => {
    await using store = createMemoryStore()
    await (await open(store)).state.save('a', 1)
    const later = await open(store)
    await later.state.save('b', 2)
    await later.end(new Error('out of luck'))
    const { items } = await store.queryAttempts({ rolloutId: 'run-1' })
    expect(items.map(({ status, outcome }) => ({ status, outcome }))).toEqual([
      { status: 'failed', outcome: 'infra_error' },
      { status: 'failed', outcome: 'agent_error' },
    ])
    expect(items[1]!.metadata).toEqual({ error: { message: 'out of luck' } })
  })

  it('keeps what comes once a store that was away at the beginning is back', async () => {
    await using store = createMemoryStore()
    let isAway = true
    const startRollout: LightningStore['startRollout'] = async (request) => {
      if (isAway) throw new Error('away')
      return await store.startRollout(request)
    }
    const run = await open({ ...store, startRollout })
    await expect(run.state.save('a', 1)).rejects.toThrow('away')
    isAway = false
    await run.state.save('b', 2)
    await run.end(null)
    expect(await store.getRolloutById({ rolloutId: 'run-1' })).toMatchObject({ status: 'succeeded' })
    const later = await open(store)
    expect([await later.state.load('a'), await later.state.load('b')]).toEqual([undefined, 2])
  })

  it('refuses an id that belongs to something else', async () => {
    await using store = createMemoryStore()
    await store.enqueueRollout({ input: 1, rollout_id: 'run-1' })
    await expect(open(store)).rejects.toMatchObject({ code: 'conflict' })
    await (await open(store, 'run-2', 'sft')).state.save('a', 1)
    await expect(open(store, 'run-2', 'apo')).rejects.toMatchObject({ code: 'conflict' })
  })
})
