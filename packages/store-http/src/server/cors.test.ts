import { describe, expect, it } from 'vitest'
import { createCors } from './cors.ts'

const page = 'https://app.example.com'
const other = 'https://evil.example'
const preflight = (origin: string, more: object = {}) => ({ origin, 'access-control-request-method': 'POST', ...more })

describe('without origins', () => {
  it('says nothing', () => {
    for (const cors of [createCors(), createCors({ origins: [] })]) {
      expect(cors.headersFor({ origin: page })).toEqual({})
      expect(cors.preflight('OPTIONS', preflight(page))).toBeNull()
    }
  })
})

describe('with a list of origins', () => {
  const cors = createCors({ origins: ['http://localhost:5173', page] })

  it('lets a listed page read replies, with credentials', () => {
    expect(cors.headersFor({ origin: page })).toEqual({
      'access-control-allow-origin': page,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': '*',
      vary: 'Origin',
    })
  })

  it.each([other, 'null', `${page}.evil.example`, 'https://APP.example.com', `${page}/`, '*', undefined])(
    'gives %s nothing but Vary',
    (origin) => {
      expect(cors.headersFor(origin === undefined ? {} : { origin })).toEqual({ vary: 'Origin' })
    },
  )

  it('answers a preflight of a listed page', () => {
    const asked = 'authorization, content-type, agl-api'
    expect(cors.preflight('OPTIONS', preflight(page, { 'access-control-request-headers': asked }))).toEqual({
      status: 200,
      body: 'OK',
      headers: {
        'access-control-allow-origin': page,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
        'access-control-allow-headers': asked,
        'access-control-max-age': '600',
        'content-type': 'text/plain; charset=utf-8',
        vary: 'Origin',
      },
    })
  })

  it('refuses the preflight of any other', () => {
    expect(cors.preflight('OPTIONS', preflight(other))).toEqual({
      status: 400,
      body: 'Disallowed CORS origin',
      headers: { 'content-type': 'text/plain; charset=utf-8', vary: 'Origin' },
    })
  })

  it('knows a preflight from other requests', () => {
    expect(cors.preflight('POST', preflight(page))).toBeNull()
    expect(cors.preflight('OPTIONS', { origin: page })).toBeNull()
    expect(cors.preflight('OPTIONS', { 'access-control-request-method': 'POST' })).toBeNull()
  })

  it('echoes names of headers only', () => {
    for (const asked of ['a: b', 'x"y', '<b>', 'x'.repeat(1025)]) {
      const reply = cors.preflight('OPTIONS', preflight(page, { 'access-control-request-headers': asked }))
      expect(reply?.status).toBe(200)
      expect(reply?.headers).not.toHaveProperty('access-control-allow-headers')
    }
  })
})

describe('with *', () => {
  it.each([[['*']], [[page, '*']]])('lets every page in, but none with credentials (%j)', (origins) => {
    const cors = createCors({ origins })
    for (const origin of [page, other]) {
      expect(cors.headersFor({ origin })).toEqual({
        'access-control-allow-origin': '*',
        'access-control-expose-headers': '*',
        vary: 'Origin',
      })
      const reply = cors.preflight('OPTIONS', preflight(origin))
      expect(reply).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': '*' } })
      expect(reply?.headers).not.toHaveProperty('access-control-allow-credentials')
    }
  })
})

describe('the list', () => {
  it.each(['https://app.example.com:8443', 'http://127.0.0.1', 'http://[::1]:3000', 'chrome-extension://abcdef'])(
    'takes %s',
    (origin) => {
      expect(createCors({ origins: [origin] }).headersFor({ origin })).toHaveProperty('access-control-allow-origin', origin)
    },
  )
  it.each([
    '',
    'null',
    'app.example.com',
    `${page}/`,
    `${page}/path`,
    'https://App.example.com',
    'https://app.example.com:443',
    'https://*.example.com/',
    'https://user@app.example.com',
  ])('refuses "%s", which no browser sends', (origin) => {
    expect(() => createCors({ origins: [origin] })).toThrow(/expected "\*" or an origin.*got/s)
  })
})
