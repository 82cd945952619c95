import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { describeStrategyContract } from '../conformance/index.ts'
import { agentNamed, algorithm, runAll } from '../conformance/tasks.ts'
import { createTrainer } from '../trainer.ts'

describeStrategyContract({ name: 'ipc', strategy: 'ipc', hasProcesses: true })

it('listens on no port', { timeout: 60_000 }, async () => {
  const portsOpen = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length
  const before = portsOpen()
  const watching = algorithm(async (context) => {
    await runAll(context)
    return portsOpen() - before
  })
  await using trainer = createTrainer({ algorithm: watching, strategy: 'ipc' })
  expect(await trainer.fit(agentNamed('double'), [1, 2])).toBe(0)
  // So that it would be seen.
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  expect(portsOpen() - before).toBe(1)
  await new Promise((resolve) => server.close(resolve))
})
