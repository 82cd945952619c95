import { checkTemplate, placeholdersOf } from '@agl/prompts'
import { AglError, type NamedResources, type PromptTemplate } from '@agl/types'
import { hashJson } from '../run/hash.ts'

/** A set of prompts that was tried, and where it comes from. */
export interface ApoCandidate {
  /** `p0` is the one that the run began with; others are numbered as they were made. */
  readonly id: string
  /** Hash of its templates: equal prompts are one candidate. */
  readonly key: string
  /** By the name among the resources: those that are improved. */
  readonly templates: Readonly<Record<string, PromptTemplate>>
  /** Ids; none for `p0`, two for a merge. */
  readonly parents: readonly string[]
  /** The round that made it; 0 for `p0`. */
  readonly round: number
  /** Which template was changed; null for `p0`. */
  readonly target: string | null
  /** What led to the change; null for `p0` and merges. */
  readonly critique: string | null
  /** Why, in the editor's words; null where it gave none. */
  readonly rationale: string | null
}

/** A candidate before it has a number. */
export type Draft = Omit<ApoCandidate, 'id' | 'key'>

export function keyOfTemplates(templates: Readonly<Record<string, PromptTemplate>>): string {
  const texts = Object.entries(templates).map(([name, { template, engine }]) => [name, engine, template] as const)
  return hashJson(Object.fromEntries(texts.map(([name, ...rest]) => [name, rest]))).slice(0, 16)
}

/** The prompts to improve among the resources. @throws AglError `invalid_argument` where there are none */
export function findTargets(resources: NamedResources, targets: readonly string[] | null): Record<string, PromptTemplate> {
  const prompts = Object.entries(resources).filter(
    (entry): entry is [string, PromptTemplate] => entry[1].resource_type === 'prompt_template',
  )
  const there = prompts.map(([name]) => name).join(', ') || 'none'
  if (prompts.length === 0) {
    throw new AglError({
      code: 'invalid_argument',
      message:
        'APO improves prompt templates, and there is none among the initial resources: ' +
        "give initialResources: { prompt: { resource_type: 'prompt_template', template: '…', engine: 'f-string' } }.",
    })
  }
  const missing = targets?.find((name) => !prompts.some(([there]) => there === name))
  if (missing !== undefined) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected targets of createApo to name prompt templates of the initial resources (${there}); got "${missing}".`,
    })
  }
  const chosen = Object.fromEntries(prompts.filter(([name]) => targets === null || targets.includes(name)))
  for (const [name, template] of Object.entries(chosen)) {
    const problem = checkTemplate(template)
    if (problem === null) continue
    throw new AglError({
      code: 'invalid_argument',
      message: `The prompt "${name}" is no template of the engine ${template.engine}: line ${problem.line}, column ${problem.column}: ${problem.problem}.`,
    })
  }
  return chosen
}

/** What keeps a text from taking the place of a template; null = nothing. */
export function problemOf(template: PromptTemplate, parent: PromptTemplate, maxCharacters: number): string | null {
  if (template.template.trim() === '') return 'it is empty.'
  if (template.template.length > maxCharacters) {
    return `it has ${template.template.length} characters; at most ${maxCharacters} are allowed.`
  }
  const problem = checkTemplate(template)
  if (problem !== null) return `line ${problem.line}, column ${problem.column}: ${problem.problem}`
  const wanted = new Set(placeholdersOf(parent))
  const got = new Set(placeholdersOf(template))
  const missing = [...wanted].filter((name) => !got.has(name))
  if (missing.length > 0) return `the placeholder ${asWritten(missing, parent)} is missing.`
  const extra = [...got].filter((name) => !wanted.has(name))
  return extra.length > 0 ? `it has the placeholder ${asWritten(extra, parent)}, which nothing fills in.` : null
}

/** As a template spells them, for people and models. */
export function asWritten(names: Iterable<string>, { engine }: PromptTemplate): string {
  const spelled = [...names].map((name) => (engine === 'f-string' ? `{${name}}` : `{{ ${name} }}`))
  return spelled.join(', ') || 'none'
}
