import type { NamedResources } from '@agl/types'
import type { Estimate } from '../statistics.ts'

/** What a module is made of. */
export interface ModuleContents {
  readonly resources: NamedResources
  /** One line: where they come from. */
  readonly origin: string
  readonly score: Estimate | null
}

/** Resources as a TypeScript module without imports: each under its name, all of them as `resources`. */
export function renderModule({ resources, origin, score }: ModuleContents): string {
  const names = Object.keys(resources)
  const exported = names.filter(isIdentifier)
  const all = names.map((name) =>
    exported.includes(name) ? `  ${name},` : `  ${JSON.stringify(name)}: ${literal(resources[name], 2)},`,
  )
  return [
    `// ${origin.replaceAll(/\s+/g, ' ')} Written by a program: write it anew instead of changing it.`,
    ...exported.map((name) => `export const ${name} = ${literal(resources[name])} as const`),
    `/** All of them, as \`initialResources\` takes them. */\nexport const resources = {\n${all.join('\n')}\n} as const`,
    score === null ? '' : `/** Mean reward with its 95 % interval. */\nexport const score = ${literal({ ...score })} as const`,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n')
}

function literal(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, 2).replaceAll('\n', `\n${' '.repeat(indent)}`)
}

const taken = new Set(['resources', 'score'])
const reserved =
  /^(?:arguments|await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|eval|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|undefined|var|void|while|with|yield)$/

function isIdentifier(name: string): boolean {
  return /^[A-Za-z_$][\w$]*$/.test(name) && !reserved.test(name) && !taken.has(name)
}
