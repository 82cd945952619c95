import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AglError, type LogFields, type Logger, silentLogger } from '@agl/types'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAuthenticator } from './authenticator.ts'
import { readTokenFile } from './token-file.ts'

let folder: string
let path: string
let warnings: LogFields[]
const logger: Logger = { ...silentLogger, warn: (message, fields) => void warnings.push({ message, ...fields }) }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agl-tokens-'))
  path = join(folder, 'tokens')
  warnings = []
})
afterEach(() => rm(folder, { recursive: true }))

async function read(content: string, mode = 0o600) {
  await writeFile(path, content)
  await chmod(path, mode)
  return readTokenFile(path, logger)
}

async function failure(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (!AglError.isInstance(error, 'invalid_argument')) throw new Error('Expected an invalid_argument.', { cause: error })
  return `${error.message} ${JSON.stringify(error.data)} ${String(error.cause)}`
}

describe('readTokenFile', () => {
  it('reads lines, without comments and empty ones, of any platform', async () => {
    const content = '\uFEFF# ours\r\n\r\nadmin:token-0123456789-a:Ada: the first\r\n  runner:token-0123456789-r  \r\n'
    expect(await read(content)).toEqual([
      { role: 'admin', token: 'token-0123456789-a', name: 'Ada: the first' },
      { role: 'runner', token: 'token-0123456789-r' },
    ])
    expect(warnings).toEqual([])
  })

  it('reads a list in JSON', async () => {
    const tokens = [{ token: 'token-0123456789-a', role: 'admin', name: 'Ada' }]
    expect(await read(`\n${JSON.stringify(tokens, null, 2)}`)).toEqual(tokens)
  })

  it('warns when others may read it', async () => {
    await read('admin:token-0123456789-a', 0o640)
    expect(warnings).toEqual([{ message: expect.stringContaining('chmod 600'), tokenFile: path, mode: '640' }])
  })

  it.each([
    ['a line without a role', 'admin:token-0123456789-a\nsecret-0123456789', 'line 2 is not `role:token`'],
    ['a line the wrong way round', 'secret-0123456789:admin', 'line 1 of'],
    ['a short token', '\nadmin:secret-', 'line 2 of'],
    ['a list of texts', '["secret-0123456789"]', 'entry 1 of'],
    ['what is no JSON', '[{"token":"secret-0123456789", role}]', 'is not JSON'],
    ['no token', '# later\n', 'it holds no token'],
    ['an empty list', '[]', 'it holds no token'],
    ['too much', '#'.repeat(1024 * 1024 + 1), 'larger than 1048576 bytes'],
  ])('refuses %s and shows nothing of it', async (_case, content, message) => {
    const text = await failure(read(content))
    expect(text).toContain(message)
    expect(text).toContain(path)
    expect(text).not.toContain('secret-')
  })

  it('says which file is not there', async () => {
    expect(await failure(readTokenFile(join(folder, 'nowhere'), logger))).toMatch(/nowhere: it cannot be read: ENOENT/)
  })
})

describe('an authenticator with a token file', () => {
  it('lets nobody in by it before it is read, and nobody else after', async () => {
    await read('viewer:token-0123456789-v')
    const tokens = [{ token: 'token-0123456789-a', role: 'admin' } as const]
    const authenticator = createAuthenticator({ tokens, tokenFile: path })
    const roleOf = (token: string) => authenticator.authenticate({ authorization: `Bearer ${token}` }).role
    expect(authenticator.hasTokens).toBe(true)
    expect(() => roleOf('token-0123456789-v')).toThrow('does not know the token')
    await authenticator.load()
    expect(roleOf('token-0123456789-v')).toBe('viewer')
    expect(roleOf('token-0123456789-a')).toBe('admin')
  })

  it('stays shut when the file is empty or repeats a token of the options', async () => {
    await writeFile(path, '')
    const authenticator = createAuthenticator({ tokenFile: path })
    expect(await failure(authenticator.load())).toContain('it holds no token')
    expect(() => authenticator.authenticate({})).toThrow('Expected a token')
    await writeFile(path, 'viewer:token-0123456789-a')
    const twice = createAuthenticator({ tokens: [{ token: 'token-0123456789-a', role: 'admin' }], tokenFile: path })
    expect(await failure(twice.load())).toContain('"admin" and "viewer" have the same')
  })
})
