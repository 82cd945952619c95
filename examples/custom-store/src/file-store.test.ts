import { execFile } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describeStoreContract, describeStoreModel } from '@agl/store-kit/conformance'
import { createManualClock } from '@agl/store-kit/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFileStore } from './file-store.ts'

let folder = ''
let files = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agl-custom-store-'))
})
afterAll(() => rm(folder, { recursive: true }))

const newFile = (): string => join(folder, `${++files}.jsonl`)
const options = {
  name: 'FileStore',
  create() {
    const clock = createManualClock()
    const store = createFileStore({ file: newFile(), clock })
    return { store, advance: clock.advance, close: () => store.close() }
  },
}

describeStoreContract(options)
describeStoreModel({ ...options, runs: 20 })

describe('file store', () => {
  test('has less than 150 lines', () => {
    const source = readFileSync(new URL('file-store.ts', import.meta.url), 'utf8')
    expect(source.split('\n').length).toBeLessThan(150)
  })

  test('finds everything again that was answered, and leaves out a line that was cut off', async () => {
    const file = newFile()
    const killed = createFileStore({ file })
    const rollout = await killed.enqueueRollout({ input: { text: 'line\nbreak' } })
    appendFileSync(file, '[["rollout/half","no l')
    const store = createFileStore({ file, isSynced: true })
    expect((await store.queryRollouts()).items).toEqual([rollout])
    const claimed = await store.dequeueRollout({ leaseMs: 60_000 })
    await store.close()
    expect(existsSync(`${file}.new`)).toBe(false)
    expect(await createFileStore({ file }).getRolloutById({ rolloutId: rollout.rollout_id })).toEqual(claimed)
  })

  test('names the line that is wrong', () => {
    const file = newFile()
    appendFileSync(file, '[]\nnonsense\n')
    expect(() => createFileStore({ file })).toThrow('line 2')
  })

  test('the program does all tasks over two openings', async () => {
    const program = fileURLToPath(new URL('main.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@agl/source', program], { timeout: 30_000 })
    expect(JSON.parse(stdout)).toEqual(['a', 'b', 'c', 'd'].map((input) => [input, 'succeeded']))
  })
})
