import { expect, it } from 'vitest'
import { withEnvironment } from './environment.ts'

it('reads the variables of the Python package', () => {
  const environment = { AGL_CURRENT_ROLE: 'runner', AGL_SERVER_HOST: 'brain', AGL_SERVER_PORT: '80', AGL_MANAGED_STORE: ' Off ' }
  expect(withEnvironment({}, environment)).toEqual({ role: 'runner', host: 'brain', port: 80, managedStore: false })
  expect(withEnvironment({}, {})).toEqual({})
})

it('does not look at what is given', () => {
  const given = { role: 'both' as const, port: 0, managedStore: false, host: 'here' }
  const environment = { AGL_CURRENT_ROLE: 'x', AGL_SERVER_HOST: '', AGL_SERVER_PORT: 'x', AGL_MANAGED_STORE: 'x' }
  expect(withEnvironment(given, environment)).toEqual(given)
})

it.each(['1', 'TRUE', 'yes', 'on'])('%s means true', (text) => {
  expect(withEnvironment({}, { AGL_MANAGED_STORE: text })).toEqual({ managedStore: true })
})

it.each([
  [{ AGL_CURRENT_ROLE: 'boss' }, /AGL_CURRENT_ROLE to be one of both, algorithm, runner; got "boss".*`role`/],
  [{ AGL_SERVER_PORT: '70000' }, /AGL_SERVER_PORT to be a port/],
  [{ AGL_SERVER_PORT: '-1' }, /AGL_SERVER_PORT/],
  [{ AGL_SERVER_HOST: '' }, /AGL_SERVER_HOST/],
  [{ AGL_MANAGED_STORE: '' }, /AGL_MANAGED_STORE to be one of 1, true/],
])('refuses %j', (environment, text) => {
  expect(() => withEnvironment({}, environment)).toThrow(text)
})
