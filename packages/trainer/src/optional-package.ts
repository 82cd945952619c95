import { AglError } from '@agl/types'

/** Whether an import failed because an optional package is not installed, and not because something inside it is wrong. */
export function isMissingPackage(error: unknown, name: string): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(`'${name}'`)
}

/** @param need what the package is needed for, as the beginning of a sentence */
export function missingPackage(name: string, need: string, cause: unknown): AglError {
  return new AglError({
    code: 'missing_package',
    message: `${need} comes from ${name}, which is not installed. Run: npm install ${name}`,
    data: { package: name },
    cause,
  })
}

/** Imports an optional package on use. @param need what it is needed for */
export async function importOptional<Module>(name: string, need: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    throw isMissingPackage(error, name) ? missingPackage(name, need, error) : error
  }
}
