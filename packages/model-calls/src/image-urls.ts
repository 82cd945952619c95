import { fieldsOf, jsonOrText, listOf, nameOf } from './reading/values.ts'
import { isIndex } from './reading/tree.ts'

/**
 * The addresses of all images in a prompt, in order: of messages as a list, as a map with numbers for keys, or one message;
 * their content as parts or as the JSON text of parts. Anything else holds none.
 */
export function imageUrlsOf(messages: unknown): readonly string[] {
  return inOrder(messages).flatMap((message) => contentUrls(fieldsOf(message)?.['content']))
}

function inOrder(messages: unknown): readonly unknown[] {
  const list = listOf(messages)
  if (list !== null) return list
  const fields = fieldsOf(messages)
  if (fields === null) return []
  const indices = Object.keys(fields).filter(isIndex)
  return indices.length === 0 ? [fields] : indices.sort((a, b) => Number(a) - Number(b)).map((index) => fields[index])
}

function contentUrls(content: unknown): readonly string[] {
  return (listOf(jsonOrText(content)) ?? []).flatMap((value) => {
    const part = fieldsOf(value)
    return part?.['type'] === 'image_url' ? (nameOf(fieldsOf(part['image_url'])?.['url']) ?? []) : []
  })
}
