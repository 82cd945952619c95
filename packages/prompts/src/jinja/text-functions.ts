/** Without white space, or without these characters, at its sides. */
export function strip(text: string, characters: string | null, sides: 'both' | 'start' | 'end'): string {
  if (characters === null) return sides === 'both' ? text.trim() : sides === 'start' ? text.trimStart() : text.trimEnd()
  const all = Array.from(text)
  const unwanted = new Set(characters)
  let from = 0
  let to = all.length
  if (sides !== 'end') while (from < to && unwanted.has(all[from]!)) from++
  if (sides !== 'start') while (to > from && unwanted.has(all[to - 1]!)) to--
  return all.slice(from, to).join('')
}

/** `str.capitalize` */
export function capitalized(text: string): string {
  const [first = '', ...rest] = Array.from(text)
  return first.toUpperCase() + rest.join('').toLowerCase()
}

/** `str.title`: each run of letters begins with a capital. */
export function titled(text: string): string {
  return text.replace(/\p{L}+/gu, capitalized)
}

/** Jinja's `title`: words begin after white space, hyphens and opening brackets. */
export function titledWords(text: string): string {
  return text
    .split(/([-\s({[<]+)/u)
    .map(capitalized)
    .join('')
}

/** Jinja's `truncate`, for a text that is too long: its first characters, up to the last space among them, and the ending. */
export function truncated(text: string, length: number, isKillingWords: boolean, ending: string): string {
  const kept = Array.from(text).slice(0, length).join('')
  const space = isKillingWords ? -1 : kept.lastIndexOf(' ')
  return (space < 0 ? kept : kept.slice(0, space)) + ending
}

/** Jinja's `indent`. */
export function indented(text: string, indention: string, first: boolean, blank: boolean): string {
  const lines = text.split(/\r\n?|\n/)
  return lines.map((line, index) => ((index === 0 ? first : blank || line !== '') ? indention + line : line)).join('\n')
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }

/** Jinja's `escape`, for HTML. */
export function escapedHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character]!)
}
