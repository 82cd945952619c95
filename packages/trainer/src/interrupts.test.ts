import { expect, it } from 'vitest'
import { handleInterrupts } from './interrupts.ts'

const listeners = (): number => process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')

it.each(['SIGINT', 'SIGTERM'] as const)('%s aborts the work, and afterwards nobody listens any more', async (name) => {
  const before = listeners()
  const working = handleInterrupts(async (signal) => {
    process.emit(name, name)
    signal.throwIfAborted()
  })
  await expect(working).rejects.toMatchObject({ code: 'closed', data: { signal: name } })
  expect(listeners()).toBe(before)
})

it('settles as the work does', async () => {
  const before = listeners()
  expect(await handleInterrupts(async () => 7)).toBe(7)
  expect(listeners()).toBe(before)
})
