import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createStoreClient } from '@agl/store-http/client'
import { createStoreServer } from '@agl/store-http/server'
import { createMemoryStore } from '@agl/store-memory'
import { AglError, type JsonValue, silentLogger } from '@agl/types'
import { collectSpans, readMessage, readRewardDimensions, spanOfAttempt } from '@agl/types/spans'
import { afterEach, describe, expect, it } from 'vitest'
import { modelAt, play, type Play, type Played, promptOf } from '../test-rollout.test-support.ts'
import { httpAgent } from './http-agent.ts'
import type { HttpAgentOptions } from './options.ts'
import type { HttpAgentRequest } from './request.ts'

interface Seen {
  readonly body: HttpAgentRequest
  readonly headers: IncomingMessage['headers']
}

let servers: Server[] = []
afterEach(async () => {
  const closing = servers
  servers = []
  for (const server of closing) server.closeAllConnections()
  await Promise.all(closing.map((server) => new Promise((resolve) => server.close(resolve))))
})

/** A deployed agent. @param port 0 takes any free one */
async function deploy(
  handle: (seen: Seen, response: ServerResponse, index: number) => void,
  port = 0,
): Promise<{ readonly url: string; readonly seen: readonly Seen[]; readonly port: number }> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const one = { body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as HttpAgentRequest, headers: request.headers }
    seen.push(one)
    handle(one, response, seen.length - 1)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const { port: taken } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${taken}/agent`, seen, port: taken }
}

const answer = (response: ServerResponse, value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): void =>
  void response.writeHead(status, headers).end(typeof value === 'string' ? value : JSON.stringify(value))

const ask = (options: HttpAgentOptions<never>, input: JsonValue = null, request: Play = {}): Promise<Played> =>
  play(httpAgent<never>(options), input, request)

/** Asks an agent that answers this. */
async function answered(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Promise<Played> {
  const { url } = await deploy((_seen, response) => answer(response, value, status, headers))
  return await ask({ url })
}

describe('what is sent', () => {
  it('is the task, which rollout it is, the model at its own URL, and where to report', async () => {
    const { url, seen } = await deploy((_seen, response) => answer(response, { reward: 0.5 }))
    const resources = { ...modelAt('http://gateway/v1', { api_key: 'sk-1' }), ...promptOf('Be brief.') }
    const options = { url, headers: { authorization: 'Bearer mine' }, storeUrl: 'http://store:4747/' }
    const { rollout, reward } = await ask(options, { question: 'é?' }, { resources, mode: 'val', metadata: { seed: 7 } })
    const { rollout_id: rolloutId, attempt } = rollout
    const endpoint = `http://gateway/rollout/${rolloutId}/attempt/${attempt.attempt_id}/v1`
    expect(reward).toBe(0.5)
    expect(seen[0]!.body).toEqual({
      task: { question: 'é?' },
      rollout_id: rolloutId,
      attempt_id: attempt.attempt_id,
      mode: 'val',
      seed: 7,
      llm: { base_url: endpoint, model: 'tiny', api_key: 'sk-1', sampling_parameters: {} },
      resources: { model: { ...resources['model'], resource_type: 'llm', endpoint }, prompt: resources['prompt'] },
      store: { url: 'http://store:4747', api_key: null },
    })
    expect(seen[0]!.headers).toMatchObject({ authorization: 'Bearer mine', 'idempotency-key': attempt.attempt_id })
  })

  it('has no model and no store where there is none', async () => {
    const { url, seen } = await deploy((_seen, response) => answer(response, {}))
    await ask({ url })
    expect(seen[0]!.body).toMatchObject({ llm: null, store: null, resources: {} })
  })

  it('and what comes back may be those of an API of its own', async () => {
    const { url, seen } = await deploy((_seen, response) => answer(response, { choices: ['Paris'] }))
    const agent = httpAgent<{ readonly question: string; readonly expected: string }>({
      url,
      toRequest: ({ question }) => ({ prompt: question }),
      toResult: ({ status, body }, { expected }) => status === 200 && body.includes(expected),
    })
    const task = { question: 'Capital of France?', expected: 'Paris' }
    expect(await play(agent, task)).toMatchObject({ outcome: 'scored', reward: 1 })
    expect(seen[0]!.body).toEqual({ prompt: 'Capital of France?' })
    const throwing = httpAgent({
      url,
      toResult() {
        throw new Error('no judge')
      },
    })
    expect(await play(throwing, task)).toMatchObject({ outcome: 'infra_error', message: expect.stringContaining('no judge') })
  })
})

describe('a reply', () => {
  it('holds a reward, spans and messages', async () => {
    const { spans, reward } = await answered({
      reward: { speed: 2, quality: 0.5 },
      primary: 'quality',
      messages: ['thinking'],
      spans: [{ name: 'search', attributes: { query: 'lamp' }, start_time: 1, end_time: 2 }, { name: 'bare' }],
      more: 'of its own',
    })
    expect(spans.map(({ name }) => name)).toEqual(['agentlightning.message', 'search', 'bare', 'agentlightning.annotation'])
    expect(readMessage(spans[0]!)).toBe('thinking')
    expect(spans[1]).toMatchObject({ attributes: { query: 'lamp' }, start_time: 1, end_time: 2, status: { status_code: 'OK' } })
    expect(readRewardDimensions(spans[3]!).map(({ name }) => name)).toEqual(['quality', 'speed'])
    expect(reward).toBe(0.5)
    expect(await answered({ reward: true })).toMatchObject({ outcome: 'scored', reward: 1 })
  })

  it('may be empty, or without a reward', async () => {
    for (const value of ['', {}, 'null', { spans: [{ name: 'search' }] }]) {
      expect(await answered(value)).toMatchObject({ outcome: 'completed', reward: null })
    }
    expect(await answered('', 204)).toMatchObject({ outcome: 'completed' })
  })

  it.each<[unknown, string]>([
    ['<html>oops</html>', 'answered what is no JSON: <html>oops</html>'],
    [{ reward: 'good' }, 'another shape than { reward, primary, spans, messages, error }'],
    [{ reward: 1, spans: 'none' }, 'another shape'],
    ['[1]', 'another shape'],
    [{ reward: { a: 1, b: 2 } }, 'needs a primary one among them (a, b)'],
    [{ reward: { a: 1, b: 2 }, spans: [{ name: 'x' }] }, 'needs a primary one among them (a, b)'],
    [{ spans: [{ name: 3 }] }, 'item 0 of its list is no span'],
    [{ error: 'the tool was away', reward: 1 }, 'says that it failed: the tool was away'],
  ])('%j is its error', async (value, text) => {
    const { outcome, message, reward } = await answered(value)
    expect([outcome, reward]).toEqual(['agent_error', null])
    expect(message).toContain(text)
  })

  it('of any other status tells it, where it came from and how it began', async () => {
    const failed = await answered('Traceback: boom', 500)
    expect(failed.outcome).toBe('agent_error')
    expect(failed.message).toMatch(/^The agent at http:\/\/127\.0\.0\.1:\d+\/agent answered 500: Traceback: boom$/)
    const missing = await answered('x'.repeat(10_000), 404)
    expect(missing.outcome).toBe('infra_error')
    expect(missing.message).toMatch(/answered 404: x{500}… \(10000 characters\)$/)
    const moved = await answered('', 307, { location: 'https://elsewhere/' })
    expect(moved).toMatchObject({
      outcome: 'infra_error',
      message: expect.stringContaining('answered 307 (to https://elsewhere/;'),
    })
    // Without a word of when to come back it may have been taken.
    expect(await answered('', 503)).toMatchObject({
      outcome: 'infra_error',
      message: expect.stringContaining('answered 503: (nothing)'),
    })
  })

  it('that is too long is not read to its end', async () => {
    const { url } = await deploy((_seen, response) => {
      const write = (): void => {
        if (!response.destroyed) response.write('x'.repeat(10_000), write)
      }
      write()
    })
    const { outcome, message } = await ask({ url, maxReplyBytes: 50_000 })
    expect(outcome).toBe('agent_error')
    expect(message).toContain('longer than 50000 bytes')
  })
})

describe('a task that was not taken', () => {
  it('is offered again when there was no connection, until there is one', async () => {
    const { port } = await deploy(() => {})
    const [server] = servers
    await new Promise((resolve) => server!.close(resolve))
    servers = []
    const refused = Promise.withResolvers<void>()
    const logger = { ...silentLogger, info: () => refused.resolve() }
    const playing = ask({ url: `http://127.0.0.1:${port}/agent` }, null, { runner: { logger } })
    await refused.promise
    const { seen } = await deploy((_seen, response) => answer(response, { reward: 1 }), port)
    expect(await playing).toMatchObject({ outcome: 'scored', reward: 1 })
    expect(seen).toHaveLength(1)
  })

  it('is given up in the end: our error, without what is secret in the URL', async () => {
    const { port } = await deploy(() => {})
    const [server] = servers
    await new Promise((resolve) => server!.close(resolve))
    servers = []
    const { outcome, message } = await ask({ url: `http://user:secret@127.0.0.1:${port}/agent?key=secret`, retries: 1 })
    expect(outcome).toBe('infra_error')
    expect(message).toContain(`The agent at http://127.0.0.1:${port}/agent cannot be reached (ECONNREFUSED`)
    expect(message).toContain('2 tries')
    expect(message).not.toContain('secret')
  })

  it('is offered again when the agent says when', async () => {
    const { url, seen } = await deploy((_seen, response, index) => {
      if (index === 0) answer(response, '', 429, { 'retry-after': '0' })
      else if (index === 1) answer(response, '', 503, { 'retry-after': new Date(Date.now() - 1000).toUTCString() })
      else answer(response, { reward: 1 })
    })
    expect(await ask({ url })).toMatchObject({ reward: 1 })
    expect(new Set(seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
    expect(seen).toHaveLength(3)
    const busy = await deploy((_seen, response) => answer(response, 'busy', 429, { 'retry-after': '0' }))
    const { message } = await ask({ url: busy.url, retries: 2 })
    expect(message).toContain('answered 429 after 3 tries: busy')
  })

  it('is not offered again when it may have been taken', async () => {
    const { url, seen } = await deploy((_seen, response) => void response.destroy())
    const { outcome, message } = await ask({ url })
    expect(outcome).toBe('infra_error')
    expect(message).toContain('did not finish its reply (ECONNRESET')
    expect(message).toContain('not sent again')
    const half = await deploy((_seen, response) => {
      response.write('{"reward"', () => response.destroy())
    })
    expect((await ask({ url: half.url })).outcome).toBe('infra_error')
    expect([seen.length, half.seen.length]).toEqual([1, 1])
  })
})

describe('time', () => {
  it('that is over ends the request, by which the agent learns of it', async () => {
    const gone: Promise<void>[] = []
    const { url } = await deploy((_seen, response) => {
      gone.push(new Promise((resolve) => response.on('close', resolve)))
    })
    const late = await ask({ url, timeoutMs: 50 })
    expect(late).toMatchObject({ outcome: 'agent_error', message: expect.stringContaining('did not answer within 50 ms') })
    const stopped = await ask({ url }, null, { config: { timeout_seconds: 0.05 } })
    expect(stopped.outcome).toBe('timeout')
    await Promise.all(gone)
    expect(gone).toHaveLength(2)
  })
})

describe('a task that is taken (202)', () => {
  it('goes on until its reward is in the store, which the agent writes with its own key', async () => {
    const token = 'a-runner-token-of-enough-characters'
    const kept = createMemoryStore()
    const server = createStoreServer({ store: kept, port: 0, tokens: [{ role: 'runner', token }] })
    const { url: storeUrl } = await server.start()
    const store = await createStoreClient({ url: storeUrl, token })
    const statuses: number[] = []
    const { url } = await deploy(({ body }, response) => {
      answer(response, { accepted: true }, 202)
      const ids = { rolloutId: body.rollout_id, attemptId: body.attempt_id }
      const spans = collectSpans((emit) => {
        emit.message('working')
        emit.reward(0.75)
      }).map((span) => spanOfAttempt(span, ids))
      response.on('close', async () => {
        for (const span of spans) {
          const reply = await fetch(`${body.store!.url}/v1/agl/spans`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', authorization: `Bearer ${body.store!.api_key}` },
            body: JSON.stringify(span),
          })
          statuses.push(reply.status)
        }
      })
    })
    const { outcome, reward, spans } = await ask({ url, storeUrl }, null, { store })
    expect([outcome, reward, statuses]).toEqual(['scored', 0.75, [201, 201]])
    expect(spans).toHaveLength(2)
    await store.close()
    await server.close()
    await kept.close()
  })

  it('and never rewarded ends with its time', async () => {
    const { url } = await deploy((_seen, response) => answer(response, '', 202))
    const late = await ask({ url, rewardTimeoutMs: 50 })
    expect(late).toMatchObject({
      outcome: 'agent_error',
      message: expect.stringContaining('took the task (202), but its reward'),
    })
    expect((await ask({ url }, null, { config: { timeout_seconds: 0.05 } })).outcome).toBe('timeout')
  })
})

describe('options', () => {
  it.each([
    [{ url: 'agent:8080' }, /http or https URL/],
    [{ url: 'http://x', header: {} }, /header/],
    [{ url: 'http://x', retries: -1 }, /retries/],
    [{ url: 'http://x', toResult: 'reward' }, /toResult/],
  ])('%j are refused', (options, text) => {
    expect(() => httpAgent(options as HttpAgentOptions)).toThrow(text)
    expect(() => httpAgent(options as HttpAgentOptions)).toThrow(AglError)
  })
})
