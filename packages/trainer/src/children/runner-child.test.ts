import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import type { ToChild } from './protocol.ts'

const entry = fileURLToPath(new URL('./runner-child.ts', import.meta.url))

it.each([
  ['that is there is left alone by one that cannot go on', true],
  ['that was gone before the child had started goes with the child', false],
])("the socket's folder of a parent %s", { timeout: 60_000 }, async (_what, hasParent) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'agl-child-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const child = fork(entry, [folder], {
    execArgv: ['--conditions=@agl/source', '--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
  })
  const exited = once(child, 'exit')
  const agent = { module: 'file:///nowhere.js', export: 'nobody' }
  const store = { kind: 'server', url: 'http://127.0.0.1:1', token: null } as const
  const limits = { maxMemoryBytes: null, maxStallMs: 1000 }
  const run: ToChild = {
    kind: 'run',
    job: { agent, tracer: null, hooks: [], scorers: [], settings: {}, store, workerId: 'w', limits, isCounted: false },
  }
  if (hasParent) child.send(run)
  else child.disconnect()
  await exited
  expect(existsSync(folder)).toBe(hasParent)
})
