import type { Random } from '@agl/algorithms'
import { AglError } from '@agl/types'
import { pick } from '../tasks.ts'

/** A text with choices, `call [a|the] tool`, and parts that stand elsewhere, `when <customer> asks`. Both may be nested. */
export interface Phrase {
  /** One of its texts. */
  draw(random: Random): string
  /** Whether `text` is one of them. */
  matches(text: string): boolean
}

type Node = string | readonly (readonly Node[])[]

/** Reads a phrase. `parts` holds what stands elsewhere, phrases themselves. */
export function parsePhrase(source: string, parts: Readonly<Record<string, string>> = {}): Phrase {
  const nodes = parseSequence(resolve(source, parts))
  let pattern: RegExp | undefined
  return {
    draw: (random) => drawFrom(nodes, random),
    matches: (text) => (pattern ??= new RegExp(`^${toPattern(nodes)}$`)).test(text),
  }
}

function resolve(source: string, parts: Readonly<Record<string, string>>): string {
  return source.replace(/<(\w+)>/g, (_, name: string) => {
    const part = parts[name]
    if (part === undefined) throw new AglError({ code: 'invalid_argument', message: `Unknown part <${name}> in "${source}".` })
    return `[${resolve(part, parts)}]`
  })
}

function parseSequence(source: string): readonly Node[] {
  let at = 0
  const readOptions = (isInner: boolean): readonly (readonly Node[])[] => {
    const options: Node[][] = [[]]
    while (at < source.length) {
      const character = source[at++]!
      if (character === '[') options.at(-1)!.push(readOptions(true))
      else if (character === '|') options.push([])
      else if (character === ']' && isInner) return options
      else options.at(-1)!.push(character)
    }
    if (isInner) throw new AglError({ code: 'invalid_argument', message: `Expected ] at the end of "${source}".` })
    return options
  }
  return [readOptions(false)]
}

function drawFrom(nodes: readonly Node[], random: Random): string {
  return nodes.map((node) => (typeof node === 'string' ? node : drawFrom(pick(random, node), random))).join('')
}

function toPattern(nodes: readonly Node[]): string {
  return nodes
    .map((node) =>
      typeof node === 'string' ? node.replace(/[.*+?^${}()|[\]\\]/, '\\$&') : `(?:${node.map(toPattern).join('|')})`,
    )
    .join('')
}
