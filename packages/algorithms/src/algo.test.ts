import { AglError, type AlgorithmContext, type Logger, silentLogger } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { algo, BaseAlgorithm } from './algo.ts'
import type { FailureHooks } from './failure-hooks.ts'

const contextOf = (parts: { readonly signal?: AbortSignal; readonly logger?: Logger } = {}): AlgorithmContext =>
  ({ signal: new AbortController().signal, logger: silentLogger, ...parts }) as unknown as AlgorithmContext

function hooksThat(calls: string[], recovered?: number): FailureHooks<number> {
  const note = (name: string) => (error: unknown) => void calls.push(`${name}: ${(error as Error).message}`)
  return {
    recover: (error) => {
      note('recover')(error)
      return recovered
    },
    cleanup: note('cleanup'),
    notify: note('notify'),
  }
}

describe('algo', () => {
  it('has the name of the function where it is given none', async () => {
    const bestOfThree = algo(function bestOfThree() {
      return 3
    })
    expect(bestOfThree.name).toBe('bestOfThree')
    expect(await bestOfThree.run(contextOf())).toBe(3)
    expect(() => algo('a', 7 as never)).toThrow(/algo takes a name, a function and hooks/)
  })

  it('recovers, cleans up and notifies when it fails, and fails all the same', async () => {
    const calls: string[] = []
    const failing = algo('failing', () => Promise.reject<number>(new Error('broken')), hooksThat(calls))
    await expect(failing.run(contextOf())).rejects.toThrow('broken')
    expect(calls).toEqual(['recover: broken', 'cleanup: broken', 'notify: broken'])
  })

  it('ends well with what recover has saved', async () => {
    const calls: string[] = []
    const failing = algo('failing', () => Promise.reject<number>(new Error('broken')), hooksThat(calls, 7))
    expect(await failing.run(contextOf())).toBe(7)
    expect(calls).toHaveLength(3)
  })

  it('only cleans up when it was stopped', async () => {
    const calls: string[] = []
    const stopped = algo('stopped', () => Promise.reject<number>(new Error('stop')), hooksThat(calls, 7))
    await expect(stopped.run(contextOf({ signal: AbortSignal.abort() }))).rejects.toThrow('stop')
    expect(calls).toEqual(['cleanup: stop'])
  })

  it('tells of it when no runner is left: nobody has asked for that', async () => {
    const calls: string[] = []
    const lost = algo('lost', ({ signal }) => Promise.reject<number>(signal.reason as Error), hooksThat(calls))
    const reason = new AglError({ code: 'no_runners', message: 'Every runner ended.' })
    await expect(lost.run(contextOf({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
    expect(calls.map((call) => call.split(':')[0])).toEqual(['recover', 'cleanup', 'notify'])
  })

  it('calls the other hooks when one of them fails', async () => {
    const errors: unknown[] = []
    const logger = { ...silentLogger, error: (_: string, fields?: object) => void errors.push(fields) }
    const calls: string[] = []
    const hooks = { ...hooksThat(calls), cleanup: () => Promise.reject(new Error('no')) }
    const failing = algo('failing', () => Promise.reject<number>(new Error('broken')), hooks)
    await expect(failing.run(contextOf({ logger }))).rejects.toThrow('broken')
    expect(calls).toEqual(['recover: broken', 'notify: broken'])
    expect(errors).toEqual([{ algorithm: 'failing', hook: 'cleanup', error: 'no' }])
  })

  it('is a class too', async () => {
    const told: unknown[] = []
    class Failing extends BaseAlgorithm<number> {
      readonly name = 'failing'
      execute(): Promise<number> {
        return Promise.reject(new Error(this.name))
      }
      override recover(): number {
        return 1
      }
      override notify(error: unknown): void {
        told.push(error)
      }
    }
    expect(await new Failing().run(contextOf())).toBe(1)
    expect(told).toEqual([new Error('failing')])
  })
})
