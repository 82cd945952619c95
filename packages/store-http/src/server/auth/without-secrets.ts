import { isPlainObject } from '@agl/types'

/**
 * A record, or a list or page of records, with every `api_key` in it null, however deep it lies: for roles that may not
 * `readSecrets`. The given value stays as it is; parts without a secret are shared with it. A resource that is *named*
 * `api_key` is kept. Only `api_key` counts as a secret: a custom resource must not hold one under another name.
 * @param record JSON of a store, nested no deeper than stores take (200 levels)
 */
export function withoutSecrets<Value>(record: Value): Value {
  return strip(record) as Value
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(strip)
    return items.some((item, index) => item !== value[index]) ? items : value
  }
  if (!isPlainObject(value)) return value
  let isChanged = false
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => {
    const kept = key === 'api_key' && !isResource(item) ? null : strip(item)
    isChanged ||= kept !== item
    return [key, kept]
  })
  return isChanged ? Object.fromEntries(entries) : value
}

function isResource(value: unknown): boolean {
  return isPlainObject(value) && typeof value['resource_type'] === 'string'
}
