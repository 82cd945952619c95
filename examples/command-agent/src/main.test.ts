import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('scores a program that knows nothing of AGL, and records its model calls', async () => {
  const program = fileURLToPath(new URL('main.ts', import.meta.url))
  // A key of the user's must not be needed, nor be sent anywhere.
  const { OPENAI_API_KEY: _, OPENAI_BASE_URL: __, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@agl/source', program], { env, timeout: 30_000 })
  expect(JSON.parse(stdout)).toEqual([
    { question: 'What is the capital of France?', reward: 1, calls: 1 },
    { question: 'What is the capital of Italy?', reward: 0, calls: 1 },
  ])
})
