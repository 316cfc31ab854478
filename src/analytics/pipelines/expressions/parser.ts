/**
 * The parser of both kinds of expression, by recursive descent. From the weakest binding:
 *
 *     condition  = conjunction { OR conjunction }
 *     conjunction = negation { AND negation }
 *     negation   = NOT negation | predicate
 *     predicate  = sum [ ( = | <> | != | < | <= | > | >= ) sum
 *                      | IS [NOT] NULL
 *                      | [NOT] ( BETWEEN sum AND sum | IN ( sum {, sum} ) | LIKE text [ESCAPE text] ) ]
 *     sum        = product { (+|-) product }
 *     product    = factor { (*|/|%) factor }
 *     factor     = (+|-) factor | number | text | TRUE | FALSE | NULL | function ( … ) | path
 *                | ( condition )
 *
 * The expression of a `math` activity is a sum, and what stands between parentheses is one too.
 */
import { closest } from 'fastest-levenshtein'
import type { PathSteps } from './attribute-path.ts'
import { ExpressionError } from './expression-error.ts'
import { MATH_FUNCTIONS } from './math-functions.ts'
import type { ArithmeticOperator, ComparisonOperator, Node } from './syntax.ts'
import { TEXT_FUNCTIONS } from './text-functions.ts'
import { type Token, tokensOf } from './tokens.ts'

const MAX_DEPTH = 64

const RESERVED = new Set(
  'AND OR NOT IN IS NULL LIKE ESCAPE BETWEEN TRUE FALSE'.split(' ') as readonly string[],
)
const COMPARISONS: Readonly<Record<string, ComparisonOperator>> = {
  '=': '=',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
}
const SUM_OPERATORS = ['+', '-'] as const
const PRODUCT_OPERATORS = ['*', '/', '%'] as const

/**
 * The expression of a `filter` activity.
 * @throws {ExpressionError}
 */
export function parseCondition(text: string): Node {
  return new Parser(text, true).whole()
}

/**
 * The expression of a `math` activity.
 * @throws {ExpressionError}
 */
export function parseMath(text: string): Node {
  return new Parser(text, false).whole()
}

class Parser {
  readonly #text: string
  readonly #tokens: readonly Token[]
  /** Whether comparisons and what joins them are allowed. */
  readonly #hasConditions: boolean
  #next = 0
  #depth = 0

  constructor(text: string, hasConditions: boolean) {
    this.#text = text
    this.#tokens = tokensOf(text)
    this.#hasConditions = hasConditions
  }

  whole(): Node {
    const node = this.#expression()
    if (this.#token.kind !== 'end') throw this.#unexpected('an operator or the end')
    return node
  }

  #expression(): Node {
    return this.#hasConditions ? this.#disjunction() : this.#sum()
  }

  #disjunction(): Node {
    return this.#joined('OR', () => this.#joined('AND', () => this.#negation()))
  }

  #joined(operator: 'AND' | 'OR', operand: () => Node): Node {
    const { at } = this.#token
    const operands = [operand()]
    while (this.#takeWord(operator)) operands.push(operand())
    const [first] = operands
    return operands.length === 1 && first ? first : { kind: 'logical', operator, operands, at }
  }

  #negation(): Node {
    const { at } = this.#token
    if (!this.#takeWord('NOT')) return this.#predicate()
    return { kind: 'not', operand: this.#deeper(() => this.#negation()), at }
  }

  #predicate(): Node {
    const left = this.#sum()
    const { at, kind, text } = this.#token
    const operator = kind === 'mark' ? COMPARISONS[text] : undefined
    if (operator !== undefined) {
      this.#next++
      return { kind: 'comparison', operator, left, right: this.#sum(), at }
    }
    if (this.#takeWord('IS')) {
      const isNegated = this.#takeWord('NOT')
      this.#expectWord('NULL')
      return negatedIf(isNegated, { kind: 'isNull', operand: left, at })
    }
    const isNegated = this.#takeWord('NOT')
    const found = this.#membership(left, at)
    if (found !== undefined) return negatedIf(isNegated, found)
    if (isNegated) throw this.#unexpected('BETWEEN, IN or LIKE')
    return left
  }

  #membership(operand: Node, at: number): Node | undefined {
    if (this.#takeWord('BETWEEN')) {
      const low = this.#sum()
      this.#expectWord('AND')
      return { kind: 'between', operand, low, high: this.#sum(), at }
    }
    if (this.#takeWord('IN')) {
      this.#expectMark('(')
      return { kind: 'in', operand, list: this.#list(() => this.#sum()), at }
    }
    if (!this.#takeWord('LIKE')) return undefined
    const pattern = this.#expectText("a pattern such as 'press%'")
    const escapeCharacter = this.#takeWord('ESCAPE') ? this.#escape() : undefined
    return { kind: 'like', operand, pattern, escapeCharacter, at }
  }

  #escape(): string {
    const token = this.#token
    const text = this.#expectText('one character between quotes')
    if (text.length === 1) return text
    throw new ExpressionError(this.#text, token.at, 'expected one character between quotes')
  }

  #sum(): Node {
    return this.#chain(SUM_OPERATORS, () => this.#chain(PRODUCT_OPERATORS, () => this.#factor()))
  }

  /** Operators of one strength, from left to right. */
  #chain(operators: readonly ArithmeticOperator[], operand: () => Node): Node {
    let left = operand()
    for (;;) {
      const { at, kind, text } = this.#token
      const operator = kind === 'mark' ? operators.find((one) => one === text) : undefined
      if (operator === undefined) return left
      this.#next++
      left = { kind: 'arithmetic', operator, left, right: operand(), at }
    }
  }

  #factor(): Node {
    const { at } = this.#token
    if (this.#takeMark('+')) return this.#deeper(() => this.#factor())
    if (this.#takeMark('-')) {
      return { kind: 'negative', operand: this.#deeper(() => this.#factor()), at }
    }
    if (this.#takeMark('(')) {
      const node = this.#deeper(() => this.#expression())
      this.#expectMark(')')
      return node
    }
    return this.#literal() ?? this.#named()
  }

  #literal(): Node | undefined {
    const { kind, text, at } = this.#token
    if (kind === 'number') {
      this.#next++
      return { kind, value: Number(text), isDecimal: !/^\d+$/.test(text), at }
    }
    if (kind === 'text') {
      this.#next++
      return { kind, value: text, at }
    }
    if (this.#takeWord('TRUE')) return { kind: 'boolean', value: true, at }
    if (this.#takeWord('FALSE')) return { kind: 'boolean', value: false, at }
    return this.#takeWord('NULL') ? { kind: 'null', at } : undefined
  }

  /** An attribute or a call. */
  #named(): Node {
    const token = this.#token
    const name = this.#name('an attribute or a value')
    if (token.kind === 'name' && this.#takeMark('(')) return this.#call(token)
    return { kind: 'attribute', steps: this.#steps(name), at: token.at }
  }

  #call({ text, at }: Token): Node {
    const name = text.toLowerCase()
    const arity = this.#arityOf(name)
    if (arity === undefined) {
      const problem = `there is no function ${text}; is ${closest(name, this.#functionNames())} meant?`
      throw new ExpressionError(this.#text, at, problem)
    }
    const operands = this.#takeMark(')') ? [] : this.#list(() => this.#expression())
    if (operands.length !== arity) {
      const problem = `${text} takes ${arity === 1 ? 'one argument' : 'two arguments'}, got ${operands.length}`
      throw new ExpressionError(this.#text, at, problem)
    }
    return { kind: 'call', name, operands, at }
  }

  #functionNames(): string[] {
    return [...MATH_FUNCTIONS.keys(), ...(this.#hasConditions ? TEXT_FUNCTIONS.keys() : [])]
  }

  /** Undefined if there is no such function. */
  #arityOf(name: string): number | undefined {
    if (this.#hasConditions && TEXT_FUNCTIONS.has(name)) return 1
    return MATH_FUNCTIONS.get(name)?.arity
  }

  #steps(first: string): PathSteps {
    const steps: (string | number)[] = [first]
    for (;;) {
      if (this.#takeMark('.')) {
        steps.push(this.#name('the name of an attribute'))
      } else if (this.#takeMark('[')) {
        const { kind, text } = this.#token
        if (kind !== 'number' || !/^\d{1,9}$/.test(text)) throw this.#unexpected('an index')
        this.#next++
        this.#expectMark(']')
        steps.push(Number(text))
      } else {
        return steps
      }
    }
  }

  #name(what: string): string {
    const { kind, text } = this.#token
    if (kind !== 'quotedName' && (kind !== 'name' || this.#isReserved())) {
      throw this.#unexpected(what)
    }
    this.#next++
    return text
  }

  /** Up to the closing parenthesis. */
  #list(element: () => Node): Node[] {
    const nodes = [this.#deeper(element)]
    while (this.#takeMark(',')) nodes.push(this.#deeper(element))
    this.#expectMark(')')
    return nodes
  }

  #deeper(read: () => Node): Node {
    if (++this.#depth > MAX_DEPTH) {
      const problem = `expected at most ${MAX_DEPTH} levels of parentheses and signs`
      throw new ExpressionError(this.#text, this.#token.at, problem)
    }
    const node = read()
    this.#depth--
    return node
  }

  get #token(): Token {
    // The last token is the end, and nothing takes it.
    return this.#tokens[this.#next] ?? { kind: 'end', text: '', at: this.#text.length }
  }

  #isReserved(): boolean {
    const { kind, text } = this.#token
    return this.#hasConditions && kind === 'name' && RESERVED.has(text.toUpperCase())
  }

  #takeWord(word: string): boolean {
    const { kind, text } = this.#token
    const isIt = this.#hasConditions && kind === 'name' && text.toUpperCase() === word
    if (isIt) this.#next++
    return isIt
  }

  #takeMark(mark: string): boolean {
    const { kind, text } = this.#token
    const isIt = kind === 'mark' && text === mark
    if (isIt) this.#next++
    return isIt
  }

  #expectWord(word: string): void {
    if (!this.#takeWord(word)) throw this.#unexpected(word)
  }

  #expectMark(mark: string): void {
    if (!this.#takeMark(mark)) throw this.#unexpected(mark)
  }

  #expectText(what: string): string {
    const { kind, text } = this.#token
    if (kind !== 'text') throw this.#unexpected(what)
    this.#next++
    return text
  }

  #unexpected(expected: string): ExpressionError {
    const { kind, text, at } = this.#token
    const got = kind === 'end' ? 'the end' : kind === 'text' ? `'${text}'` : text
    const hint = this.#isReserved() ? `; the attribute of that name is written \`${text}\`` : ''
    return new ExpressionError(this.#text, at, `expected ${expected}, got ${got}${hint}`)
  }
}

function negatedIf(isNegated: boolean, operand: Node): Node {
  return isNegated ? { kind: 'not', operand, at: operand.at } : operand
}
