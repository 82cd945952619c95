import { readFileSync } from 'node:fs'
import { formatPrompt } from '@agl/prompts'
import type { PromptTemplate } from '@agl/types'

/** One rollout as a template for critiques sees it. */
export interface Experiment {
  readonly input?: unknown
  readonly status?: string
  readonly reward: number | null
  readonly messages: readonly { readonly role: string; readonly content: string }[]
  readonly feedback: string | null
}

/** Asks for a critique: variables `prompt_template` and `experiments`. */
export const critiqueTemplate: PromptTemplate = readTemplate('critique.jinja')

/** Asks for the rewritten prompt: variables `prompt_template` and `critique`. */
export const editTemplate: PromptTemplate = readTemplate('edit.jinja')

export function renderCritique(values: {
  readonly prompt_template: string
  readonly experiments: readonly Experiment[]
}): string {
  return formatPrompt(critiqueTemplate, { ...values })
}

export function renderEdit(values: { readonly prompt_template: string; readonly critique: string }): string {
  return formatPrompt(editTemplate, { ...values })
}

function readTemplate(name: string): PromptTemplate {
  const template = readFileSync(new URL(`../templates/${name}`, import.meta.url), 'utf8')
  return { resource_type: 'prompt_template', engine: 'jinja', template }
}
