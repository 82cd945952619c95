import { parseSync } from 'vite'

/** One place where a module names another: an import or a re-export. */
export interface Import {
  readonly specifier: string
  /** `dynamic` is `import()` at run time; `type` is gone once the types are stripped. */
  readonly kind: 'static' | 'dynamic' | 'type'
  readonly line: number
}

/** A place that touches what belongs to the whole process. */
export interface ProcessUse {
  readonly what: 'console' | 'environment'
  readonly text: string
  readonly line: number
}

export interface ModuleFacts {
  readonly imports: readonly Import[]
  readonly processUses: readonly ProcessUse[]
  /** The first syntax error, which leaves the other lists empty. */
  readonly syntaxError: string | null
}

/** A node of the syntax tree (ESTree with TypeScript's additions), as far as it is read here. */
interface Node {
  readonly type: string
  readonly start: number
  readonly [field: string]: unknown
}

/** Finds every import and every use of the console and the environment, by the syntax tree of the file. */
export function readModule(file: string, source: string): ModuleFacts {
  const { program, errors } = parseSync(file, source, { sourceType: 'module' })
  const [error] = errors
  if (error !== undefined) return { imports: [], processUses: [], syntaxError: error.message }

  const imports: Import[] = []
  const processUses: ProcessUse[] = []
  const lineOf = (node: Node): number => source.slice(0, node.start).split('\n').length
  walk(program, (node) => {
    const found = importOf(node)
    if (found !== null) imports.push({ ...found, line: lineOf(node) })
    const use = processUseOf(node)
    if (use !== null) processUses.push({ ...use, line: lineOf(node) })
  })
  return { imports, processUses, syntaxError: null }
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit)
  } else if (isNode(value)) {
    visit(value)
    for (const child of Object.values(value)) walk(child, visit)
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function importOf(node: Node): Pick<Import, 'specifier' | 'kind'> | null {
  const source = isNode(node['source']) ? node['source']['value'] : undefined
  if (typeof source !== 'string') return null
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return { specifier: source, kind: isTypeOnly(node) ? 'type' : 'static' }
    case 'ImportExpression':
      return { specifier: source, kind: 'dynamic' }
    case 'TSImportType':
      return { specifier: source, kind: 'type' }
    default:
      return null
  }
}

/** `import type { X }` and `export type { X }`; `import { type X }` still loads the module and counts as static. */
function isTypeOnly(node: Node): boolean {
  return node['importKind'] === 'type' || node['exportKind'] === 'type'
}

function processUseOf(node: Node): Pick<ProcessUse, 'what' | 'text'> | null {
  if (node.type === 'MemberExpression') {
    const property = nameOf(node['property'])
    if (isCalled(node['object'], 'console')) return { what: 'console', text: `console.${property}` }
    if (isCalled(node['object'], 'process')) return processMember(property)
  }
  // const { env } = process
  if (node.type === 'VariableDeclarator' && isCalled(node['init'], 'process')) return processPattern(node['id'])
  // import { env } from 'node:process'
  if (node.type === 'ImportDeclaration' && isNode(node['source']) && /^(node:)?process$/.test(String(node['source']['value']))) {
    const names = (node['specifiers'] as readonly Node[]).map(({ imported }) => nameOf(imported))
    return names.map(processMember).find((use) => use !== null) ?? null
  }
  return null
}

function processMember(name: string | null): Pick<ProcessUse, 'what' | 'text'> | null {
  if (name === 'env') return { what: 'environment', text: 'process.env' }
  return name === 'stdout' || name === 'stderr' ? { what: 'console', text: `process.${name}` } : null
}

function processPattern(pattern: unknown): Pick<ProcessUse, 'what' | 'text'> | null {
  if (!isNode(pattern) || pattern.type !== 'ObjectPattern') return null
  const names = (pattern['properties'] as readonly Node[]).map(({ key }) => nameOf(key))
  return names.map(processMember).find((use) => use !== null) ?? null
}

/** Whether an expression is the global of this name, bare or as a member (`globalThis.process`). */
function isCalled(node: unknown, name: string): boolean {
  if (!isNode(node)) return false
  return node.type === 'MemberExpression'
    ? nameOf(node['property']) === name
    : node.type === 'Identifier' && node['name'] === name
}

/** The name of an identifier or the value of a string literal. */
function nameOf(node: unknown): string | null {
  if (!isNode(node)) return null
  const name = node.type === 'Literal' ? node['value'] : node['name']
  return typeof name === 'string' ? name : null
}
