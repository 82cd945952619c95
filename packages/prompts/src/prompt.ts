import { AglError, type PromptTemplate } from '@agl/types'
import { type Node, parse as parseFString } from './f-string/parse.ts'
import { renderFString } from './f-string/render.ts'
import { normalized, parse as parseJinja } from './jinja/parse.ts'
import { placeholdersOfJinja } from './jinja/placeholders.ts'
import { renderJinja } from './jinja/render.ts'
import { createMeter } from './meter.ts'
import type { TemplatePosition } from './template-error.ts'

/** What a template is rendered with: JSON by name, and `bigint`, `NaN`, infinities and `Map`s, which Python has too. */
export type PromptValues = Readonly<Record<string, unknown>>

/** A template with a way to render it. */
export interface Prompt extends PromptTemplate {
  /** {@link formatPrompt} of this template. */
  format(values?: PromptValues): string
}

/** What is wrong with a template, and where. */
export interface TemplateProblem extends TemplatePosition {
  readonly problem: string
}

/**
 * The text of a prompt, the same as Python makes of the same template and values. A placeholder without a value, a template that is
 * no template and values that do not fit are `invalid_argument`; `data` holds `line`, `column` and `problem` of the place. What Jinja
 * has and we do not, and the engine `poml`, is `not_supported`. Safe with templates that a model wrote: they reach nothing but the
 * values and their work is bounded by {@link renderLimits}.
 */
export function formatPrompt(template: PromptTemplate, values: PromptValues = {}): string {
  switch (template.engine) {
    case 'f-string':
      return renderFString(template.template, values, createMeter())
    case 'jinja':
      return renderJinja(template.template, values, createMeter())
    case 'poml':
      throw noPoml()
    default:
      return template.engine satisfies never
  }
}

/** The template with `format`. */
export function createPrompt(template: PromptTemplate): Prompt {
  return { ...template, format: (values) => formatPrompt(template, values) }
}

/**
 * The names that a template takes from its values, each once, in the order they are met: what an edit of the template has to keep. Of
 * `{user.name}` it is `user`. Throws as {@link formatPrompt} does for a template that is none.
 */
export function placeholdersOf(template: PromptTemplate): readonly string[] {
  switch (template.engine) {
    case 'f-string':
      return [...new Set(namesOf(parseFString(template.template)))]
    case 'jinja':
      return placeholdersOfJinja(template.template)
    case 'poml':
      throw noPoml()
    default:
      return template.engine satisfies never
  }
}

/** The first thing that is wrong with the syntax of a template, without values; null when it can be rendered. */
export function checkTemplate(template: PromptTemplate): TemplateProblem | null {
  try {
    if (template.engine === 'f-string') parseFString(template.template)
    else if (template.engine === 'jinja') parseJinja(normalized(template.template))
    else throw noPoml()
    return null
  } catch (error) {
    const problem = AglError.isInstance(error) ? asProblem(error.data) : null
    if (problem === null) throw error
    return problem
  }
}

function asProblem({ problem, line, column }: AglError['data']): TemplateProblem | null {
  const hasPlace = typeof problem === 'string' && typeof line === 'number' && typeof column === 'number'
  return hasPlace ? { problem, line, column } : null
}

function namesOf(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) => (node.kind === 'text' ? [] : [node.name, ...namesOf(node.spec)]))
}

function noPoml(): AglError {
  return new AglError({
    code: 'not_supported',
    message:
      'Expected a template of the engine "f-string" or "jinja", got "poml", which AGL stores but does not render: its library evaluates ' +
      'expressions of the template as code and reads files. Render it with that library in the agent, where the template can be trusted.',
  })
}
