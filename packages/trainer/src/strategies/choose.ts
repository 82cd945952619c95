import { AglError, describeValue, isPlainObject } from '@agl/types'
import type { ComponentForm } from '../config/component.ts'
import { strategyKind } from '../config/components/kinds.ts'
import { isModulePath } from '../config/module-path.ts'
import type { Registry } from '../config/registry.ts'
import { isInstance } from '../portable.ts'
import type { ExecutionStrategy } from '../strategy.ts'
import { childOptionShapes } from './child-options.ts'
import { createCsStrategy } from './cs.ts'
import type { CsOptions } from './cs-options.ts'
import { createIpcStrategy, type IpcOptions } from './ipc.ts'
import { createShmStrategy } from './shm.ts'

/** Where the runners are: by name, by name with options, or a strategy of somebody else's in any form of a component. */
export type StrategyChoice = LocalStrategyChoice | 'cs' | (CsOptions & { readonly type: 'cs' }) | ComponentForm<ExecutionStrategy>

/** Those under which the algorithm always runs here. */
export type LocalStrategyChoice = 'shm' | 'ipc' | { readonly type: 'shm' } | (IpcOptions & { readonly type: 'ipc' })

export interface StrategyContext {
  /** The option `port` of the trainer. */
  readonly port: number | undefined
  /** Null: what AGL brings. */
  readonly registry: Registry | null
}

/**
 * Makes AGL's own strategies at once, so that what is wrong with them is told when the trainer is made; any other form is passed on.
 * @throws AglError `invalid_argument`
 */
export function chooseStrategy(choice: StrategyChoice, { port, registry }: StrategyContext): ComponentForm<ExecutionStrategy> {
  const options = namedChoice(choice)
  if (port !== undefined) refusePort(options, port)
  switch (options?.type) {
    case 'shm':
      if (Object.keys(options).length === 1) return createShmStrategy()
      refuseChildOptions(options)
      throw refusal('The strategy shm takes no options', options)
    case 'ipc':
      return createIpcStrategy(options)
    case 'cs':
      return createCsStrategy({ ...options, ...(port === undefined ? {} : { port }) })
    default: {
      const isKnown =
        options === null
          ? typeof choice === 'function' || isInstance(strategyKind, choice)
          : isModulePath(options.type) || registry?.names(strategyKind).includes(options.type) === true
      if (isKnown) return choice as ComponentForm<ExecutionStrategy>
      const names = new Set(['shm', 'ipc', 'cs', ...(registry?.names(strategyKind) ?? [])])
      const known = [...names].map((name) => `'${name}'`).join(', ')
      throw refusal(
        `Expected a strategy: ${known}, { type, ...options }, './file.ts#export', or an object with \`execute\``,
        choice,
      )
    }
  }
}

type NamedChoice =
  | { readonly type: 'shm' }
  | (IpcOptions & { readonly type: 'ipc' })
  | (CsOptions & { readonly type: 'cs' })
  | { readonly type: '' }

function namedChoice(choice: StrategyChoice): NamedChoice | null {
  if (isInstance(strategyKind, choice)) return null
  if (typeof choice === 'string') return { type: choice } as NamedChoice
  return isPlainObject(choice) && typeof choice['type'] === 'string' ? (choice as NamedChoice) : null
}

function refusePort(options: NamedChoice | null, port: number): void {
  if (options?.type !== 'cs') {
    const present = options === null ? 'one of your own' : JSON.stringify(options.type)
    throw new AglError({
      code: 'invalid_argument',
      message: `\`port\` is that of the server of the strategy cs, and the strategy is ${present}: leave it out, or write strategy: { type: 'cs', port: ${port} }.`,
    })
  }
  if (options.port === undefined || options.port === port) return
  throw new AglError({
    code: 'invalid_argument',
    message: `The strategy cs has the port ${options.port}, and the trainer the port ${port}: give it once.`,
  })
}

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
