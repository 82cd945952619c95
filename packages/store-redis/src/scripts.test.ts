import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { flattenScripts } from './lua/flatten.ts'

test('the module of scripts is made from the .lua files as they stand', async () => {
  const generated = await readFile(new URL('scripts.generated.ts', import.meta.url), 'utf8')
  expect(generated, 'run `pnpm --filter @agl/store-redis scripts`').toBe(await flattenScripts())
})
