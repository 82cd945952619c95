import type { Adapter, Triplet } from '@agl/types'
import { isMissingPackage, missingPackage } from './optional-package.ts'

/** The adapter of `@agl/algorithms` if that package is there; otherwise one that says how to get it once it is needed. */
export async function loadDefaultAdapter(): Promise<Adapter<readonly Triplet[]>> {
  try {
    const { traceToTriplets } = await import('@agl/algorithms')
    return traceToTriplets()
  } catch (error) {
    if (!isMissingPackage(error, '@agl/algorithms')) throw error
    return {
      adapt() {
        throw missingPackage('@agl/algorithms', 'The default adapter', error)
      },
    }
  }
}
