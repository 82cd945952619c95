/** What an editor answered. */
export interface EditAnswer {
  readonly template: string
  readonly rationale: string | null
}

/**
 * The new prompt in an answer: the JSON object that was asked for, also inside a fence or between sentences; else all of the text, without
 * a fence around it. Null when nothing is there, or the object is broken.
 */
export function readEdit(text: string): EditAnswer | null {
  const bare = withoutFence(withoutThoughts(text).trim())
  // The sentences around it may name placeholders, which are in braces as well.
  const start = bare.search(/(?<!\{)\{\s*"(rationale|template)"\s*:/)
  const object = readObject(bare) ?? readObject(bare.slice(start, bare.lastIndexOf('}') + 1))
  if (object !== null) return object
  // The object that was asked for, but cut short or broken: its pieces are no prompt.
  if (start !== -1) return null
  const inTags = /<(prompt|template)>\n?([\s\S]*?)\n?<\/\1>/.exec(bare)
  const template = (inTags?.[2] ?? bare).trim()
  return template === '' ? null : { template, rationale: null }
}

/** Without what a model thought before it answered, where its server leaves that in the text; the first tag may be missing there. */
export function withoutThoughts(text: string): string {
  const end = text.indexOf('</think>')
  const start = text.indexOf('<think>')
  if (start !== -1 && text.slice(0, start).trim() !== '') return text
  if (end !== -1) return text.slice(end + '</think>'.length)
  return start === -1 ? text : ''
}

function withoutFence(text: string): string {
  const fenced = /^(?:[^\n`]*\n)?```[a-z-]*\n([\s\S]*?)\n?```\s*$/i.exec(text)
  return fenced === null ? text : fenced[1]!.trim()
}

function readObject(text: string): EditAnswer | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null || !('template' in value) || typeof value.template !== 'string') return null
  const rationale = 'rationale' in value && typeof value.rationale === 'string' ? value.rationale : null
  return { template: value.template, rationale }
}
