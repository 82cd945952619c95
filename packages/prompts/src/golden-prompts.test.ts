import { readFileSync } from 'node:fs'
import { AglError, type PromptTemplate } from '@agl/types'
import { describe, expect, it } from 'vitest'
import { checkTemplate, formatPrompt, placeholdersOf } from './index.ts'

/** What Python made of each template; `interop/python/golden_prompts.py` asks it again. */
interface Golden {
  readonly values: Readonly<Record<string, unknown>>
  readonly 'f-string': Readonly<Record<string, Rendered>>
  readonly jinja: Readonly<Record<string, Rendered>>
}

interface Rendered {
  readonly text?: string
  readonly placeholders?: readonly string[]
  readonly error?: string
}

const golden = JSON.parse(readFileSync(new URL('golden-prompts.json', import.meta.url), 'utf8')) as Golden

describe.each(['f-string', 'jinja'] as const)('%s', (engine) => {
  const cases = Object.entries(golden[engine]).map(([template, expected]) => ({
    prompt: { resource_type: 'prompt_template', template, engine } satisfies PromptTemplate,
    ...expected,
  }))

  it.each(cases.filter(({ error }) => error === undefined))('renders $prompt.template', ({ prompt, text, placeholders }) => {
    expect(formatPrompt(prompt, golden.values)).toBe(text)
    expect(placeholdersOf(prompt).toSorted()).toEqual(placeholders)
    expect(checkTemplate(prompt)).toBeNull()
  })

  it.each(cases.filter(({ error }) => error !== undefined))('refuses $prompt.template', ({ prompt }) => {
    expect(() => formatPrompt(prompt, golden.values)).toThrow(AglError)
  })
})
