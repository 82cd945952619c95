import { invalid } from './template-error.ts'

/** How much one rendering may do. Bounds of safety for templates that a model wrote, far above what a prompt needs. */
export const renderLimits: {
  readonly steps: number
  readonly characters: number
  readonly width: number
  readonly depth: number
} = Object.freeze({
  /** Nodes evaluated and list items touched. */
  steps: 1_000_000,
  /** Characters of all strings made on the way, the prompt included. */
  characters: 10_000_000,
  /** Widths and precisions of format specifiers. */
  width: 10_000,
  /** Nesting of a template's syntax and of the values it prints. */
  depth: 100,
})

/** Counts what a rendering does. */
export interface Meter {
  /** Throws when the rendering has taken too many steps. */
  step(count?: number): void
  /** Counts a string that is made, where that can be before its parts are joined; throws when there are too many characters. */
  characters(count: number): void
}

export function createMeter(): Meter {
  let steps = 0
  let characters = 0
  return {
    step(count = 1) {
      steps += count
      if (steps > renderLimits.steps)
        throw invalid(`expected to be done in ${renderLimits.steps} steps; use fewer or shorter loops`)
    },
    characters(count) {
      characters += count
      if (characters > renderLimits.characters) {
        throw invalid(`expected to make at most ${renderLimits.characters} characters on the way; render less text`)
      }
    },
  }
}
