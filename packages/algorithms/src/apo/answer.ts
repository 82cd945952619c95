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
  const bare = withoutFence(text.trim())
  const object = readObject(bare) ?? readObject(bare.slice(bare.indexOf('{'), bare.lastIndexOf('}') + 1))
  if (object !== null) return object
  // The object that was asked for, but cut short or broken: its pieces are no prompt.
  if (/^\{\s*"(rationale|template)"/.test(bare)) return null
  const inTags = /<(prompt|template)>\n?([\s\S]*?)\n?<\/\1>/.exec(bare)
  const template = (inTags?.[2] ?? bare).trim()
  return template === '' ? null : { template, rationale: null }
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
