import { AglError } from '@agl/types'
import { z } from 'zod'

/** What a model costs, in US dollars for a million tokens. */
export interface Price {
  readonly input: number
  readonly output: number
}

/** By the name of the model, as its calls name it. */
export type Prices = Readonly<Record<string, Price>>

export const pricesSchema: z.ZodType<Prices> = z.record(
  z.string(),
  z.strictObject({ input: z.number().min(0), output: z.number().min(0) }),
)

/** Tokens of one call; null = the backend does not say. */
export interface CallUsage {
  readonly model: string
  readonly inputTokens: number | null
  readonly outputTokens: number | null
}

/** @throws AglError `invalid_argument` for a model without a price: an unknown price is not nothing */
export function priceOf({ model, inputTokens, outputTokens }: CallUsage, prices: Prices): number {
  const price = Object.hasOwn(prices, model) ? prices[model] : undefined
  if (price === undefined) {
    const known = Object.keys(prices)
    throw new AglError({
      code: 'invalid_argument',
      message:
        `Money is limited, and the price of the model "${model}" is not known (known: ${known.join(', ') || 'none'}): ` +
        `give prices: { ${JSON.stringify(model)}: { input, output } }, in US dollars for a million tokens.`,
      data: { model },
    })
  }
  return ((inputTokens ?? 0) * price.input + (outputTokens ?? 0) * price.output) / 1e6
}
