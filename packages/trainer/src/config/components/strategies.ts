import { z } from 'zod'
import { childOptionShapes } from '../../strategies/child-options.ts'
import { createCsStrategy } from '../../strategies/cs.ts'
import { type CsOptions, csOptionShapes } from '../../strategies/cs-options.ts'
import { createIpcStrategy, type IpcOptions } from '../../strategies/ipc.ts'
import { createShmStrategy } from '../../strategies/shm.ts'
import type { ExecutionStrategy } from '../../strategy.ts'
import { type Component, defineComponent } from '../component.ts'
import { strategyKind } from './kinds.ts'

export const strategyComponents: readonly Component<ExecutionStrategy>[] = Object.freeze([
  defineComponent({
    kind: strategyKind,
    name: 'shm',
    summary: 'runners in this process',
    schema: z.strictObject({}),
    create: () => createShmStrategy(),
  }),
  defineComponent({
    kind: strategyKind,
    name: 'ipc',
    summary: 'each runner in a child process, over a socket',
    schema: z.strictObject(childOptionShapes) as z.ZodType<IpcOptions>,
    create: (options) => createIpcStrategy(options),
  }),
  defineComponent({
    kind: strategyKind,
    name: 'cs',
    summary: 'runners in child processes and on other machines, over HTTP',
    schema: z.strictObject(csOptionShapes) as z.ZodType<CsOptions>,
    create: (options) => createCsStrategy(options),
  }),
])
