import { importOptional } from '../optional-package.ts'

/**
 * Loads an optional package that a configuration names. @param specifier the package, or a subpath of it, as it is imported
 * @throws AglError `missing_package` with the command that installs it
 */
export async function loadPackage<Exports>(specifier: string, load: () => Promise<Exports>): Promise<Exports> {
  const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)![0]
  return await importOptional(name, 'A component of the configuration', load)
}
