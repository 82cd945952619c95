import { z } from 'zod'

/** A field with what help tells of it. @param shown the default of the package that takes the option, which fills it in */
export function field<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  shown?: unknown,
): z.ZodExactOptional<Schema> {
  return z.exactOptional(schema).meta(shown === undefined ? { description } : { description, default: shown })
}
