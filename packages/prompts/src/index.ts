export { renderLimits } from './meter.ts'
export {
  checkTemplate,
  createPrompt,
  formatPrompt,
  placeholdersOf,
  type Prompt,
  type PromptValues,
  type TemplateProblem,
} from './prompt.ts'
export type { TemplatePosition } from './template-error.ts'
