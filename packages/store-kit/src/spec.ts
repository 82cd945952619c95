import type { JsonValue, StoreSpec } from '@agl/types'

/** How to open a store again, from the options it was made with; those that were not given are left out. */
export function storeSpecOf(spec: {
  readonly module: string
  readonly factory: string
  readonly options: Readonly<Record<string, JsonValue | undefined>>
}): StoreSpec {
  const given = Object.entries(spec.options).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined)
  return { ...spec, options: Object.fromEntries(given) }
}
