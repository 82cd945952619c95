import { randomBytes } from 'node:crypto'

/** What nobody else writes: the place of a text within a text. */
const mark = `agl-json-${randomBytes(12).toString('hex')}-`
const places = new RegExp(`"${mark}(\\d+)"`, 'g')
let texts: string[] = []

/** Stands for JSON that is there as text already, in what {@link stringify} is given. */
export class JsonText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toJSON(): string {
    return `${mark}${texts.push(this.text) - 1}`
  }
}

/** As `JSON.stringify`, with texts written as they are. */
export function stringify(value: unknown): string {
  texts = []
  const text = JSON.stringify(value)
  if (texts.length === 0) return text
  const found = texts
  return text.replace(places, (_, index: string) => found[Number(index)]!)
}
