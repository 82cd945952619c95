import { type Adapter, AglError, type Triplet } from '@agl/types'

/** The adapter of `@agl/algorithms` if that package is there; otherwise one that says how to get it once it is needed. */
export async function loadDefaultAdapter(): Promise<Adapter<readonly Triplet[]>> {
  try {
    const { traceToTriplets } = await import('@agl/algorithms')
    return traceToTriplets()
  } catch (error) {
    if (!isMissing(error)) throw error
    return {
      adapt() {
        throw new AglError({
          code: 'missing_package',
          message: 'The default adapter comes from @agl/algorithms, which is not installed. Run: npm install @agl/algorithms',
          cause: error,
        })
      },
    }
  }
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes('@agl/algorithms')
  )
}
