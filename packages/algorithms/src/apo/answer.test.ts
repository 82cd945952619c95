import { describe, expect, it } from 'vitest'
import { readEdit } from './answer.ts'

describe('readEdit', () => {
  const template = 'Say "{what}".\nBe kind.'
  const object = JSON.stringify({ rationale: 'why', template })
  const cases: Readonly<Record<string, string>> = {
    'the object that was asked for': object,
    'the object in a fence': `\`\`\`json\n${object}\n\`\`\``,
    'the object between sentences': `Here you are:\n${object}\nAnything else?`,
  }
  for (const [what, text] of Object.entries(cases)) {
    it(`reads ${what}`, () => expect(readEdit(text)).toEqual({ template, rationale: 'why' }))
  }

  it('takes plain text as the prompt', () => {
    for (const text of [
      template,
      `\`\`\`\n${template}\n\`\`\``,
      `The new prompt:\n\`\`\`text\n${template}\n\`\`\``,
      `<prompt>\n${template}\n</prompt>`,
    ]) {
      expect(readEdit(text)).toEqual({ template, rationale: null })
    }
  })

  it('takes nothing of an answer that was cut short, or empty', () => {
    for (const text of ['', ' \n', object.slice(0, -4), '{"rationale": "why"}']) expect(readEdit(text)).toBeNull()
  })
})
