/**
 * Expressions as functions, made once for a pipeline.
 *
 * In numbers, NaN stands for AWS's Undefined. The types Int and Decimal matter for division, which
 * cuts the fraction off if both sides are Ints: a number of a message is an Int if it is whole, a
 * number in an expression if it has neither point nor exponent, and a text is a Decimal.
 */
import type { JsonObject, JsonValue } from '../json/json-value.ts'
import { attributeAt } from './attribute-path.ts'
import { areEqual, decimalOf, orderOf, type Truth, truthOf } from './comparison.ts'
import { ExpressionError } from './expression-error.ts'
import { likePattern } from './like-pattern.ts'
import { MATH_FUNCTIONS, type MathFunction } from './math-functions.ts'
import { parseCondition, parseMath } from './parser.ts'
import type { ArithmeticOperator, ComparisonOperator, Node } from './syntax.ts'
import { TEXT_FUNCTIONS } from './text-functions.ts'

type NumberOf = (message: JsonObject) => number
type TruthOf = (message: JsonObject) => Truth
type ValueOf = (message: JsonObject) => JsonValue | undefined
type NodeOf<Kind extends Node['kind']> = Extract<Node, { readonly kind: Kind }>

/**
 * Whether a message passes the filter. Unknown does not.
 * @throws {ExpressionError}
 */
export function compileCondition(text: string): (message: JsonObject) => boolean {
  const truth = new Compiler(text).truth(parseCondition(text))
  return (message) => truth(message) === true
}

/**
 * The number; undefined for Undefined.
 * @throws {ExpressionError}
 */
export function compileMath(text: string): (message: JsonObject) => number | undefined {
  const number = new Compiler(text).number(parseMath(text))
  return (message) => {
    const result = number(message)
    return Number.isNaN(result) ? undefined : result
  }
}

class Compiler {
  readonly #text: string
  /**
   * The type of the number that was evaluated last. A result of two parts for each operator would
   * have to be an object.
   */
  #isInt = true

  constructor(text: string) {
    this.#text = text
  }

  number(node: Node): NumberOf {
    switch (node.kind) {
      case 'number':
        return this.#constant(node.value, !node.isDecimal)
      case 'text':
        return this.#constant(decimalOf(node.value), false)
      case 'attribute':
        return (message) => this.#numberOf(attributeAt(message, node.steps))
      case 'negative': {
        const operand = this.number(node.operand)
        return (message) => -operand(message)
      }
      case 'arithmetic':
        return this.#arithmetic(node)
      case 'call':
        return this.#call(node)
      default:
        throw this.#wrongType(node, 'a number')
    }
  }

  truth(node: Node): TruthOf {
    switch (node.kind) {
      case 'logical':
        return this.#logical(node)
      case 'not': {
        const operand = this.truth(node.operand)
        return (message) => not(operand(message))
      }
      case 'comparison':
        return this.#comparison(node)
      case 'isNull': {
        const operand = this.#value(node.operand)
        return (message) => (operand(message) ?? null) === null
      }
      case 'in':
        return this.#in(node)
      case 'between': {
        const [operand, low, high] = [node.operand, node.low, node.high].map((n) => this.#value(n))
        return (message) => {
          const value = operand?.(message)
          const isHigh = holds('>=', value, low?.(message))
          return isHigh === false ? false : and(isHigh, holds('<=', value, high?.(message)))
        }
      }
      case 'like':
        return this.#like(node)
      case 'boolean':
        return () => node.value
      case 'attribute':
        return (message) => truthOf(attributeAt(message, node.steps))
      default:
        throw this.#wrongType(node, 'a condition')
    }
  }

  #value(node: Node): ValueOf {
    switch (node.kind) {
      case 'attribute':
        return (message) => attributeAt(message, node.steps)
      case 'number':
      case 'text':
        return () => node.value
      case 'null':
        throw this.#wrongType(node, 'a value; to look for missing attributes write IS NULL')
      case 'call': {
        const apply = TEXT_FUNCTIONS.get(node.name)
        if (apply !== undefined) return this.#textCall(node, apply)
        return this.#numericValue(node)
      }
      case 'arithmetic':
      case 'negative':
        return this.#numericValue(node)
      default:
        return this.truth(node)
    }
  }

  #numericValue(node: Node): ValueOf {
    const number = this.number(node)
    return (message) => {
      const value = number(message)
      return Number.isNaN(value) ? undefined : value
    }
  }

  #textCall(node: NodeOf<'call'>, apply: (text: string) => JsonValue): ValueOf {
    const [operand] = node.operands.map((one) => this.#value(one))
    return (message) => {
      const value = operand?.(message)
      return typeof value === 'string' ? apply(value) : undefined
    }
  }

  #constant(value: number, isInt: boolean): NumberOf {
    const number = finite(value)
    return () => {
      this.#isInt = isInt
      return number
    }
  }

  #numberOf(value: JsonValue | undefined): number {
    if (typeof value === 'number') {
      this.#isInt = Number.isInteger(value)
      return finite(value)
    }
    this.#isInt = typeof value === 'bigint'
    if (typeof value === 'string') return finite(decimalOf(value))
    return typeof value === 'bigint' ? finite(Number(value)) : Number.NaN
  }

  #arithmetic(node: NodeOf<'arithmetic'>): NumberOf {
    const left = this.number(node.left)
    const right = this.number(node.right)
    const apply = ARITHMETIC[node.operator]
    const isDivision = node.operator === '/'
    return (message) => {
      const leftNumber = left(message)
      const isLeftInt = this.#isInt
      const rightNumber = right(message)
      this.#isInt &&= isLeftInt
      const result = finite(apply(leftNumber, rightNumber))
      return isDivision && this.#isInt ? Math.trunc(result) : result
    }
  }

  #call(node: NodeOf<'call'>): NumberOf {
    const called = MATH_FUNCTIONS.get(node.name)
    if (called === undefined) {
      const value = this.#value(node)
      return (message) => this.#numberOf(value(message))
    }
    const [first, second] = node.operands
    if (first === undefined) throw this.#wrongType(node, 'an argument')
    if (second === undefined) return this.#unaryCall(called, this.number(first))
    const isStrict = called.isSecondStrict === true
    return this.#binaryCall(called, this.number(first), this.#argument(second, isStrict))
  }

  /** A strict argument is Undefined if it is text, also if the text is numeric. */
  #argument(node: Node, isStrict: boolean): NumberOf {
    const number = this.number(node)
    if (!isStrict) return number
    if (node.kind === 'text') return () => Number.NaN
    if (node.kind !== 'attribute') return number
    return (message) => {
      const isText = typeof attributeAt(message, node.steps) === 'string'
      return isText ? Number.NaN : number(message)
    }
  }

  #unaryCall({ apply, isInt }: MathFunction, operand: NumberOf): NumberOf {
    return (message) => {
      const value = operand(message)
      this.#isInt = isInt === 'always' || (isInt === 'ifFirst' && this.#isInt)
      return finite(apply(value, 0))
    }
  }

  #binaryCall({ apply, isInt }: MathFunction, left: NumberOf, right: NumberOf): NumberOf {
    return (message) => {
      const first = left(message)
      const isFirstInt = this.#isInt
      const second = right(message)
      const isIntNow = isInt === 'ifAll' ? isFirstInt && this.#isInt : isFirstInt
      this.#isInt = isInt !== 'never' && isIntNow
      return finite(apply(first, second))
    }
  }

  #logical(node: NodeOf<'logical'>): TruthOf {
    const operands = node.operands.map((operand) => this.truth(operand))
    const deciding = node.operator === 'OR'
    return (message) => {
      let outcome: Truth = !deciding
      for (const operand of operands) {
        const truth = operand(message)
        if (truth === deciding) return deciding
        if (truth === undefined) outcome = undefined
      }
      return outcome
    }
  }

  #comparison(node: NodeOf<'comparison'>): TruthOf {
    const left = this.#value(node.left)
    const right = this.#value(node.right)
    const { operator } = node
    return (message) => holds(operator, left(message), right(message))
  }

  #in(node: NodeOf<'in'>): TruthOf {
    const operand = this.#value(node.operand)
    const list = node.list.map((element) => this.#value(element))
    return (message) => {
      const value = operand(message)
      let outcome: Truth = false
      for (const element of list) {
        const truth = areEqual(value, element(message))
        if (truth === true) return true
        if (truth === undefined) outcome = undefined
      }
      return outcome
    }
  }

  #like(node: NodeOf<'like'>): TruthOf {
    const operand = this.#value(node.operand)
    const matches = this.#pattern(node)
    return (message) => {
      const value = operand(message)
      return typeof value === 'string' ? matches(value) : undefined
    }
  }

  #pattern({ pattern, escapeCharacter, at }: NodeOf<'like'>): (text: string) => boolean {
    try {
      return likePattern(pattern, escapeCharacter)
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown
      throw new ExpressionError(this.#text, at, thrown.message)
    }
  }

  #wrongType(node: Node, expected: string): ExpressionError {
    const got = TYPES[node.kind] ?? 'a condition'
    return new ExpressionError(this.#text, node.at, `expected ${expected}, got ${got}`)
  }
}

const TYPES: Readonly<Partial<Record<Node['kind'], string>>> = {
  number: 'a number',
  negative: 'a number',
  arithmetic: 'a number',
  call: 'a value',
  text: 'text',
  boolean: 'TRUE or FALSE',
  null: 'NULL',
}

const ARITHMETIC: Readonly<Record<ArithmeticOperator, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
}

/** NaN for an infinite number. */
function finite(value: number): number {
  return value - value === 0 ? value : Number.NaN
}

function holds(
  operator: ComparisonOperator,
  left: JsonValue | undefined,
  right: JsonValue | undefined,
): Truth {
  if (operator === '=') return areEqual(left, right)
  if (operator === '<>') return not(areEqual(left, right))
  const order = orderOf(left, right)
  if (Number.isNaN(order)) return undefined
  if (operator === '<') return order < 0
  if (operator === '<=') return order <= 0
  return operator === '>' ? order > 0 : order >= 0
}

function not(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth
}

/** The left side is not false. */
function and(left: Truth, right: Truth): Truth {
  return right === false ? false : left === undefined ? undefined : right
}
