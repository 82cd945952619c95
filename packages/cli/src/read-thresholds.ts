import { AglError } from '@agl/types'
import { type ThresholdRule, thresholdRuleSchema } from '@agl/types/thresholds'
import { z } from 'zod'

/** The rules of a file of JSON or YAML, which may be a part of a configuration for `agl run`. References are to the environment. */
export async function readThresholds(file: string): Promise<readonly ThresholdRule[]> {
  // Loaded on use: it brings the schemas of all components.
  const { readConfig } = await import('@agl/trainer/config')
  const schema = z.strictObject({ thresholds: z.array(thresholdRuleSchema) })
  try {
    const { value } = await readConfig({ schema, files: [file], environment: process.env })
    return value.thresholds
  } catch (cause) {
    if (!AglError.isInstance(cause, 'not_found')) throw cause
    throw new AglError({ code: 'invalid_argument', message: cause.message, cause })
  }
}
