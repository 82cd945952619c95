import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { defaultRegistry } from './components/default-registry.ts'
import { storeKind } from './components/kinds.ts'
import { testFolder } from './folder.test-support.ts'
import { readConfig } from './read-config.ts'
import { componentSchema } from './registry.ts'

it('reads the file that the README shows', async () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const [, yaml] = /^```yaml\n([\s\S]*?)^```$/m.exec(readme)!
  const schema = z.strictObject({
    store: componentSchema(defaultRegistry, storeKind),
    runner: z.strictObject({ concurrency: z.int() }),
    logLevel: z.enum(['info', 'warn', 'silent']),
  })
  const files = [testFolder().write('agl.yaml', yaml!)]
  const { value } = await readConfig({ schema, files, environment: { REDIS_PASSWORD: 'x' } })
  expect(value).toEqual({
    store: { type: 'redis', url: 'redis://:x@127.0.0.1:6379', namespace: 'shop-desk' },
    runner: { concurrency: 4 },
    logLevel: 'warn',
  })
})
