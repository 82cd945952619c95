import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('picks the prompt that earns the reward', async () => {
  const program = fileURLToPath(new URL('main.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@agl/source', program], { timeout: 30_000 })
  expect(JSON.parse(stdout)).toEqual({ prompt: 'Answer in one word, in lower case.', reward: 1, rollouts: 6 })
})
