import { AglError, describeValue, isPlainObject } from '@agl/types'
import type { ExecutionStrategy } from '../strategy.ts'
import { childOptionShapes } from './child-options.ts'
import { createCsStrategy, type CsOptions } from './cs.ts'
import { createIpcStrategy, type IpcOptions } from './ipc.ts'
import { createShmStrategy } from './shm.ts'

/** Where the runners are: by name, by name with options, or a strategy of somebody else's. */
export type StrategyChoice = LocalStrategyChoice | 'cs' | (CsOptions & { readonly type: 'cs' }) | ExecutionStrategy

/** Those under which the algorithm always runs here. */
export type LocalStrategyChoice = 'shm' | 'ipc' | { readonly type: 'shm' } | (IpcOptions & { readonly type: 'ipc' })

/** @throws AglError `invalid_argument` */
export function chooseStrategy(choice: StrategyChoice): ExecutionStrategy {
  if (typeof choice === 'object' && choice !== null && 'execute' in choice && typeof choice.execute === 'function') return choice
  const options: NamedChoice | null = typeof choice === 'string' ? { type: choice } : isPlainObject(choice) ? choice : null
  switch (options?.type) {
    case 'shm':
      if (Object.keys(options).length === 1) return createShmStrategy()
      refuseChildOptions(options)
      throw refusal('The strategy shm takes no options', options)
    case 'ipc':
      return createIpcStrategy(options)
    case 'cs':
      return createCsStrategy(options)
    default:
      throw refusal(`Expected a strategy: 'shm', 'ipc', 'cs', { type, ...options }, or an object with \`execute\``, choice)
  }
}

type NamedChoice = { readonly type: 'shm' } | (IpcOptions & { readonly type: 'ipc' }) | (CsOptions & { readonly type: 'cs' })

/** One process cannot be limited, or replaced, without the program. */
function refuseChildOptions(options: object): void {
  const names = Object.keys(options).filter((name) => Object.hasOwn(childOptionShapes, name))
  if (names.length === 0) return
  throw new AglError({
    code: 'invalid_argument',
    message:
      `The strategy shm runs agents in this process, so ${names.join(' and ')} would be about the program itself. ` +
      `Give the runners processes of their own: strategy: { type: 'ipc', ${names.map((name) => `${name}: …`).join(', ')} }.`,
  })
}

function refusal(problem: string, value: unknown): AglError {
  const shown = isPlainObject(value) ? `an object with ${Object.keys(value).join(', ') || 'nothing in it'}` : describeValue(value)
  return new AglError({ code: 'invalid_argument', message: `${problem}; got ${shown}.` })
}
