import { AglError } from '@agl/types'
import { describe, expect, test } from 'vitest'
import { createStoreClient } from './index.ts'
import { answer, connect, serve } from './scripted-server.test-support.ts'

const secret = 'sesame-open-0123456789'

async function refusalOf(options: object): Promise<AglError> {
  const refusal: unknown = await createStoreClient(options).catch((error: unknown) => error)
  if (!AglError.isInstance(refusal, 'invalid_argument')) throw new Error(`expected a refusal; got ${String(refusal)}`)
  return refusal
}

describe('options of a client', () => {
  test.each([
    [{}, 'either `url` or `urls`'],
    [{ url: 'http://a', urls: ['http://b'] }, 'got both'],
    [{ urls: [] }, 'at least one URL'],
    [{ url: 'localhost:4747' }, 'protocol localhost:'],
    [{ url: 'nowhere' }, '"nowhere"'],
    [{ url: 'http://a?x=1' }, 'no query'],
    [{ url: 'http://a', tokn: 'x' }, 'tokn'],
    [{ url: 'http://a', retry: { attempts: 0 } }, 'retry.attempts'],
    [{ url: 'http://a', retry: { tries: 2 } }, 'tries'],
    [{ url: 'http://a', requestTimeoutMs: 0 }, 'requestTimeoutMs'],
    [{ url: 'http://a', compressAboveBytes: -1 }, 'compressAboveBytes'],
    [{ url: 'http://a', fetch: 7 }, 'fetch'],
  ])('%j is refused', async (options, named) => {
    expect((await refusalOf(options)).message).toContain(named)
  })

  test.each([
    { url: `http://user:${secret}@a b` },
    { url: `ftp://user:${secret}@a` },
    { url: `http://user:${secret}@a/?x=1` },
    { url: `http://user:${secret}@a`, token: 'another-token-0123456789' },
    { url: 'http://a', token: `${secret}\n` },
    { url: 'http://a', token: { secret } },
  ])('no message shows a secret', async (options) => {
    expect((await refusalOf(options)).message).not.toContain('sesame')
  })

  test('a token is sent as bearer, credentials in the URL as Basic; neither is ever shown', async () => {
    const server = await serve((_, response) => answer(response, { detail: 'no' }, 500))
    const { client: bearer } = await connect({ url: server.url, token: secret, retry: { attempts: 2 } })
    const failed: unknown = await bearer.statistics().catch((error: unknown) => error)
    expect(server.seen[0]!.headers.authorization).toBe(`Bearer ${secret}`)
    const url = server.url.replace('//', `//user:${encodeURIComponent('p:ä')}${secret}@`)
    const { client: basic } = await connect({ url: `${url}/`, retry: { attempts: 1 } })
    const refused: unknown = await basic.statistics().catch((error: unknown) => error)
    const expected = Buffer.from(`user:p:ä${secret}`).toString('base64')
    expect(server.seen.at(-1)!.headers.authorization).toBe(`Basic ${expected}`)
    expect(basic.url).toBe(server.url)
    for (const error of [failed, refused]) {
      expect(error).toMatchObject({ message: expect.stringContaining(server.url) })
      expect(JSON.stringify([error, String(error), (error as AglError).data])).not.toContain('sesame')
    }
  })

  test('a client says who it talks to, in words that are known', async () => {
    const server = await serve((_, response) => answer(response, null))
    const { client } = await connect({ url: server.url })
    expect(client.name).toBe('ScriptedStore')
    expect(client.capabilities).toEqual({ durability: 'none', sharing: 'network', features: ['leases', 'watch'] })
    await client.getLatestResources()
    expect(server.seen[0]!.headers).toMatchObject({ 'agl-api': '1', accept: 'application/json' })
  })

  test('a server with a path before the API', async () => {
    const server = await serve((_, response) => answer(response, null))
    const paths: string[] = []
    const spying: typeof fetch = (input, init) => {
      paths.push(String(input))
      return fetch(String(input).replace('/behind/a/proxy', ''), init)
    }
    const { client } = await connect({ url: `${server.url}/behind/a/proxy/`, fetch: spying })
    await client.getLatestResources()
    expect(paths.at(-1)).toBe(`${server.url}/behind/a/proxy/v1/agl/resources/latest`)
  })
})
