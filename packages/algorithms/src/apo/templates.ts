import { checkTemplate, placeholdersOf } from '@agl/prompts'
import { AglError, type PromptTemplate } from '@agl/types'

/**
 * What the optimizer's model is asked, rendered by Jinja. Of several the seed picks one for each child, so that they look at the
 * prompt in different ways.
 *
 * | template | is given |
 * |---|---|
 * | `critique` | `prompt_template`, `experiments` (`input`, `status`, `reward`, `messages` of `role` and `content`, `feedback`) |
 * | `edit` | `prompt_template`, `critique`, `placeholders` |
 * | `merge` | `prompt_template`, `other_template`, `placeholders` |
 * | `repair` | `prompt_template` (the parent's), `answer`, `problem`, `placeholders` |
 */
export interface ApoTemplates {
  readonly critique: readonly PromptTemplate[]
  readonly edit: readonly PromptTemplate[]
  readonly merge: readonly PromptTemplate[]
  readonly repair: readonly PromptTemplate[]
}

const jinja = (template: string): PromptTemplate => ({ resource_type: 'prompt_template', engine: 'jinja', template })

const experiments = `{% for experiment in experiments %}
<experiment number="{{ loop.index }}" status="{{ experiment.status }}" reward="{{ experiment.reward }}">
Task: {{ experiment.input }}
{% for message in experiment.messages %}[{{ message.role }}] {{ message.content }}
{% endfor %}{% if experiment.feedback %}Feedback: {{ experiment.feedback }}
{% endif %}</experiment>
{% endfor %}`

const prompt = `<prompt>
{{ prompt_template }}
</prompt>`

const answer = `Everything in braces is a placeholder that a program fills in. The new prompt needs each of these exactly as written, and no other: {{ placeholders }}.
Answer with one JSON object and nothing else: {"rationale": "why, in one sentence", "template": "the whole new prompt"}`

const causes = `An agent works with the prompt below. You see what it did on some tasks and how each was rewarded.

${prompt}
${experiments}
Compare what went well with what did not. Which instruction is missing, wrong, unclear or in the way? Name at most three causes, the one that costs most first. For each: what was observed, and what the prompt should say instead. Write of what holds for all tasks of this kind; the answer to a single task has no place in a prompt. Write a short list and nothing else.`

const oneFlaw = `Somebody wrote this prompt for an agent:

${prompt}
These are records of the agent at work:
${experiments}
Find the one change of the prompt that would have helped most often here, and would not hurt elsewhere. Say in two or three sentences what to change and which of the records show it.`

const rewrite = `Improve a prompt by what a reviewer found.

${prompt}
<review>
{{ critique }}
</review>
Work all of it in, as far as it is right. Say each thing once and plainly; leave out what has no effect.
${answer}`

const oneChange = `Change a prompt in one point.

${prompt}
<review>
{{ critique }}
</review>
Take the most important point of the review and make the smallest change that settles it. All the rest stays word for word.
${answer}`

const merge = `Two prompts for the same agent each do well on tasks where the other fails.

${prompt}
<other>
{{ other_template }}
</other>
Write one prompt that keeps what makes each of them good, without contradictions and without saying a thing twice.
${answer}`

const repair = `You were asked to change this prompt:

${prompt}
Your answer was:
<answer>
{{ answer }}
</answer>
It cannot be used: {{ problem }}
${answer}`

/** The templates for models that follow instructions. */
export const apoTemplates: ApoTemplates = Object.freeze({
  critique: Object.freeze([jinja(causes), jinja(oneFlaw)]),
  edit: Object.freeze([jinja(rewrite), jinja(oneChange)]),
  merge: Object.freeze([jinja(merge)]),
  repair: Object.freeze([jinja(repair)]),
})

const given: Readonly<Record<keyof ApoTemplates, readonly string[]>> = {
  critique: ['prompt_template', 'experiments'],
  edit: ['prompt_template', 'critique', 'placeholders'],
  merge: ['prompt_template', 'other_template', 'placeholders'],
  repair: ['prompt_template', 'answer', 'problem', 'placeholders'],
}

/** @throws AglError `invalid_argument` for a template that cannot be rendered, or wants what nobody gives it */
export function checkTemplates(templates: ApoTemplates): void {
  for (const [role, each] of Object.entries(templates) as [keyof ApoTemplates, readonly PromptTemplate[]][]) {
    for (const [index, template] of each.entries()) {
      const place = `templates.${role}[${index}] of createApo`
      const problem = checkTemplate(template)
      if (problem !== null) throw refused(`${place}, line ${problem.line}, column ${problem.column}: ${problem.problem}`)
      const unknown = placeholdersOf(template).filter((name) => !given[role].includes(name))
      if (unknown.length > 0) throw refused(`${place} uses ${unknown.join(', ')}; it is given ${given[role].join(', ')}.`)
    }
  }
}

function refused(message: string): AglError {
  return new AglError({ code: 'invalid_argument', message })
}
