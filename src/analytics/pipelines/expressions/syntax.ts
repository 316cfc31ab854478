/** What the parser makes of an expression. */
import type { PathSteps } from './attribute-path.ts'

/** `at` is the index in the text at which an error about the node points. */
export type Node = { readonly at: number } & NodeContent

type NodeContent =
  | { readonly kind: 'number'; readonly value: number; readonly isDecimal: boolean }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'attribute'; readonly steps: PathSteps }
  | { readonly kind: 'negative'; readonly operand: Node }
  | {
      readonly kind: 'arithmetic'
      readonly operator: ArithmeticOperator
      readonly left: Node
      readonly right: Node
    }
  | { readonly kind: 'call'; readonly name: string; readonly operands: readonly Node[] }
  | {
      readonly kind: 'logical'
      readonly operator: 'AND' | 'OR'
      readonly operands: readonly Node[]
    }
  | { readonly kind: 'not'; readonly operand: Node }
  | {
      readonly kind: 'comparison'
      readonly operator: ComparisonOperator
      readonly left: Node
      readonly right: Node
    }
  | { readonly kind: 'isNull'; readonly operand: Node }
  | { readonly kind: 'in'; readonly operand: Node; readonly list: readonly Node[] }
  | {
      readonly kind: 'between'
      readonly operand: Node
      readonly low: Node
      readonly high: Node
    }
  | {
      readonly kind: 'like'
      readonly operand: Node
      readonly pattern: string
      readonly escapeCharacter: string | undefined
    }

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%'
export type ComparisonOperator = '=' | '<>' | '<' | '<=' | '>' | '>='
