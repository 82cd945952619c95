import { describe, expect, it } from 'vitest'
import { readEdit } from './answer.ts'

describe('readEdit', () => {
  const template = 'Say "{what}".\nBe kind.'
  const object = JSON.stringify({ rationale: 'why', template })
  const cases: Readonly<Record<string, string>> = {
    'the object that was asked for': object,
    'the object in a fence': `\`\`\`json\n${object}\n\`\`\``,
    'the object between sentences': `Here you are:\n${object}\nAnything else?`,
    'the object after a sentence with a placeholder': `I keep {what} and {"this"}.\n${object}`,
    'the object after thoughts': `<think>\nA {"template": "draft"}?\n</think>\n\n${object}`,
    'the object after thoughts without a beginning': `Hm.\n</think>\n${object}`,
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

  it('leaves a prompt that speaks of thoughts as it is', () => {
    for (const text of [
      'Think in <think> and </think>, then say {what}.',
      'Say {"what": 1} and {what}.',
      'Answer {{"rationale": "…"}} to {what}.',
    ]) {
      expect(readEdit(text)).toEqual({ template: text, rationale: null })
    }
  })

  it('takes nothing of an answer that was cut short, or empty', () => {
    const broken = [object.slice(0, -4), `It is {what}: ${object.slice(0, -4)}`, '{"rationale": "why"}', '<think>\nLet me']
    for (const text of ['', ' \n', ...broken]) expect(readEdit(text)).toBeNull()
  })
})
