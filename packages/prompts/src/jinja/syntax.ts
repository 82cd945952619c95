/** The syntax tree of a template. `offset` is a place in the source, for messages. */
export type Expression =
  | { readonly kind: 'constant'; readonly value: unknown; readonly offset: number }
  | { readonly kind: 'name'; readonly name: string; readonly offset: number }
  | { readonly kind: 'list' | 'tuple' | 'concat'; readonly items: readonly Expression[]; readonly offset: number }
  | { readonly kind: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[]; readonly offset: number }
  | { readonly kind: 'unary'; readonly operator: '-' | '+' | 'not'; readonly operand: Expression; readonly offset: number }
  | {
      readonly kind: 'logic'
      readonly operator: 'and' | 'or'
      readonly left: Expression
      readonly right: Expression
      readonly offset: number
    }
  | {
      readonly kind: 'arithmetic'
      readonly operator: string
      readonly left: Expression
      readonly right: Expression
      readonly offset: number
    }
  | { readonly kind: 'compare'; readonly first: Expression; readonly rest: readonly Comparison[]; readonly offset: number }
  | {
      readonly kind: 'condition'
      readonly test: Expression
      readonly yes: Expression
      readonly no: Expression | null
      readonly offset: number
    }
  | { readonly kind: 'attribute'; readonly object: Expression; readonly name: string; readonly offset: number }
  | { readonly kind: 'item'; readonly object: Expression; readonly key: Expression; readonly offset: number }
  | {
      readonly kind: 'slice'
      readonly object: Expression
      readonly bounds: readonly (Expression | null)[]
      readonly offset: number
    }
  | { readonly kind: 'call'; readonly callee: Expression; readonly call: CallSyntax; readonly offset: number }
  | {
      readonly kind: 'filter'
      readonly value: Expression
      readonly name: string
      readonly call: CallSyntax
      readonly offset: number
    }
  | {
      readonly kind: 'test'
      readonly value: Expression
      readonly name: string
      readonly call: CallSyntax
      readonly offset: number
    }

export interface Comparison {
  readonly operator: string
  readonly operand: Expression
}

/** Arguments as written. */
export interface CallSyntax {
  readonly positional: readonly Expression[]
  readonly named: readonly (readonly [string, Expression])[]
}

/** What a loop or an assignment writes to. */
export type Target =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'tuple'; readonly items: readonly Target[] }
  | { readonly kind: 'attribute'; readonly object: string; readonly name: string }

export type Statement =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly value: Expression }
  | { readonly kind: 'if'; readonly branches: readonly Branch[]; readonly otherwise: readonly Statement[] }
  | {
      readonly kind: 'for'
      readonly target: Target
      readonly iterable: Expression
      readonly test: Expression | null
      readonly body: readonly Statement[]
      readonly otherwise: readonly Statement[]
    }
  | { readonly kind: 'set'; readonly target: Target; readonly value: Expression; readonly offset: number }
  | {
      readonly kind: 'capture'
      readonly target: Target
      /** What the captured text goes through; reads it under the name {@link capturedText}. */
      readonly value: Expression
      readonly body: readonly Statement[]
      readonly offset: number
    }

export interface Branch {
  readonly test: Expression
  readonly body: readonly Statement[]
}

/** No name of a template can be this one. */
export const capturedText = ' captured'
