import type { Meter } from '../meter.ts'
import { isTruthy } from '../python/operators.ts'
import { itemsOf } from '../python/values.ts'
import { invalid, withPlace } from '../template-error.ts'
import { iterate, Loop, Namespace, textOf } from './access.ts'
import { createTools, evaluate, lookUp, type Rendering, type Scope } from './evaluate.ts'
import { normalized, parse } from './parse.ts'
import { capturedText, type Expression, type Statement, type Target } from './syntax.ts'
import { defined, Undefined } from './undefined.ts'

/** What Jinja of Python renders with its default settings and `StrictUndefined`. */
export function renderJinja(template: string, values: Readonly<Record<string, unknown>>, meter: Meter): string {
  const source = normalized(template)
  const statements = parse(source)
  const rendering: Rendering = { tools: createTools(meter), given: values, offset: 0 }
  try {
    return renderAll(statements, inside(null), rendering)
  } catch (error) {
    throw withPlace(error, source, rendering.offset)
  }
}

function inside(parent: Scope | null): Scope {
  return { values: new Map(), parent }
}

function renderAll(statements: readonly Statement[], scope: Scope, rendering: Rendering): string {
  const { meter } = rendering.tools
  const texts = statements.map((statement) => {
    meter.step()
    const text = render(statement, scope, rendering)
    meter.characters(text.length)
    return text
  })
  return texts.join('')
}

function valueOf(expression: Expression, scope: Scope, rendering: Rendering): unknown {
  const value = evaluate(expression, scope, rendering)
  rendering.offset = expression.offset
  return defined(value)
}

function render(statement: Statement, scope: Scope, rendering: Rendering): string {
  const { meter } = rendering.tools
  switch (statement.kind) {
    case 'text':
      return statement.text
    case 'output':
      return textOf(valueOf(statement.value, scope, rendering), meter)
    case 'if': {
      const branch = statement.branches.find(({ test }) => isTruthy(valueOf(test, scope, rendering)))
      return renderAll(branch?.body ?? statement.otherwise, scope, rendering)
    }
    case 'for':
      return renderLoop(statement, scope, rendering)
    case 'set':
      assign(statement.target, valueOf(statement.value, scope, rendering), scope, rendering)
      return ''
    case 'capture': {
      const within = inside(scope)
      const text = renderAll(statement.body, within, rendering)
      within.values.set(capturedText, text)
      assign(statement.target, valueOf(statement.value, within, rendering), scope, rendering)
      return ''
    }
    default:
      return statement satisfies never
  }
}

function renderLoop(statement: Extract<Statement, { kind: 'for' }>, scope: Scope, rendering: Rendering): string {
  const { meter } = rendering.tools
  const all = iterate(valueOf(statement.iterable, scope, rendering), meter)
  const { test } = statement
  const items =
    test === null
      ? all
      : all.filter((item) => isTruthy(valueOf(test, boundTo(statement.target, item, scope, rendering), rendering)))
  if (items.length === 0) return renderAll(statement.otherwise, scope, rendering)
  const changes = { last: undefined }
  const texts = items.map((item, index) => {
    const within = boundTo(statement.target, item, scope, rendering)
    within.values.set('loop', new Loop(loopEntries(items, index), changes))
    return renderAll(statement.body, within, rendering)
  })
  meter.characters(texts.reduce((sum, text) => sum + text.length, 0))
  return texts.join('')
}

function boundTo(target: Target, item: unknown, scope: Scope, rendering: Rendering): Scope {
  const within = inside(scope)
  assign(target, item, within, rendering)
  return within
}

function loopEntries(items: readonly unknown[], index: number): ReadonlyMap<string, unknown> {
  const { length } = items
  return new Map<string, unknown>([
    ['index', index + 1],
    ['index0', index],
    ['revindex', length - index],
    ['revindex0', length - index - 1],
    ['first', index === 0],
    ['last', index === length - 1],
    ['length', length],
    // Of recursive loops, which we do not have.
    ['depth', 1],
    ['depth0', 0],
    ['previtem', index === 0 ? new Undefined(() => 'expected an item before the first') : items[index - 1]],
    ['nextitem', index === length - 1 ? new Undefined(() => 'expected an item after the last') : items[index + 1]],
  ])
}

function assign(target: Target, value: unknown, scope: Scope, rendering: Rendering): void {
  switch (target.kind) {
    case 'name':
      scope.values.set(target.name, value)
      return
    case 'attribute': {
      const object = lookUp(target.object, scope, rendering)
      if (!(object instanceof Namespace)) throw invalid(`expected "${target.object}" to be made with namespace()`)
      object.entries.set(target.name, value)
      return
    }
    case 'tuple': {
      const items = typeof value === 'string' ? Array.from(value) : itemsOf(value)
      if (items?.length !== target.items.length) {
        throw invalid(
          `expected ${target.items.length} values to assign to as many names, got ${items === null ? 'one' : items.length}`,
        )
      }
      target.items.forEach((one, index) => assign(one, items[index], scope, rendering))
      return
    }
    default:
      target satisfies never
  }
}
