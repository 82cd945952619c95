import { AglError } from '@agl/types'

/**
 * Loads an optional package. @param specifier the package, or a subpath of it, as it is imported
 * @throws AglError `missing_package` with the command that installs it
 */
export async function loadPackage<Exports>(specifier: string, load: () => Promise<Exports>): Promise<Exports> {
  try {
    return await load()
  } catch (error) {
    const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)![0]
    if (!isMissing(error, name)) throw error
    throw new AglError({
      code: 'missing_package',
      message: `The package ${name} is needed and not installed. Run: npm install ${name}`,
      cause: error,
    })
  }
}

/** Not a package that the package itself fails to find. */
function isMissing(error: unknown, name: string): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(`'${name}'`)
}
