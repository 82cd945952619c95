import * as fc from 'fast-check'
import type { StoreContractOptions } from '../harness.ts'
import { commandArbitrary } from './commands.ts'
import { runCommands } from './run-commands.ts'

/** How {@link checkStoreModel} runs. */
export interface StoreModelOptions extends Pick<StoreContractOptions, 'name' | 'create'> {
  /** How many sequences of commands. Default 200. */
  readonly runs?: number
  /** Longest sequence; at most 45, as each command takes 2 of the 100 ms that keep limits apart. Default 40. */
  readonly maxCommands?: number
  /** Makes the sequences repeatable. Default: another one each time, which the report of a failure names. */
  readonly seed?: number
  /** The path that the report of a failure names, to repeat it alone; with the same seed. */
  readonly path?: string
}

/**
 * Does random sequences of commands to a store and to a simple model, and compares all records after each command.
 * Commands of features that the store does not declare are left out. Needs no test runner.
 * @throws Error with the shortest sequence found for which store and model disagree
 */
export async function checkStoreModel(options: StoreModelOptions): Promise<void> {
  const { runs = 200, maxCommands = 40, seed, path } = options
  const probe = await options.create()
  const { features } = probe.store.capabilities
  await probe.close()
  const command = commandArbitrary({
    leases: features.includes('leases'),
    scheduling: features.includes('scheduling'),
    deletes: features.includes('deletes'),
  })
  const property = fc.asyncProperty(fc.array(command, { maxLength: maxCommands, size: 'max' }), async (commands) => {
    const subject = await options.create()
    try {
      await runCommands(subject, commands)
    } finally {
      await subject.close()
    }
  })
  const repeat = { ...(seed === undefined ? {} : { seed }), ...(path === undefined ? {} : { path }) }
  await fc.assert(property, { numRuns: runs, ...repeat })
}
