import type { Command } from 'commander'
import type { Surroundings } from '../run.ts'

/** `agl run`: a whole run as files say, with flags laid over them. */
export function addRunCommand(program: Command, surroundings: Surroundings): void {
  program
    .command('run')
    .summary('train an agent as a configuration says')
    .usage('[config.yaml ...] [--flags]')
    // The flags are those of the schema, which reads them itself.
    .argument('[words...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (_words: readonly string[], _flags: object, command: Command) => {
      // Loaded on use: it brings the schemas of all components.
      const { runFiles } = await import('./run-files.ts')
      await runFiles(command.args, surroundings)
    })
}
