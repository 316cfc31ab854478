/** A condition on a field of the payload: `temp>30`, `state=run`, `motor.id~^a`, `temp`. */
import { InvalidArgumentError } from 'commander'
import { messageOf } from '../../../errors.ts'
import { type FieldPath, parseFieldPath, valueAt } from './field-path.ts'

/** Whether it holds for the value of a payload. A field that is absent fulfils none. */
export type Condition = (payload: unknown) => boolean

type Comparison = (order: number) => boolean

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  '=': (order) => order === 0,
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<>': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}
const PARTS = /^(.+?)\s*(!=|<>|>=|<=|==|=|>|<|~)\s*(.*)$/s
const NUMBER = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/

export function parseCondition(text: string): Condition {
  const [, field, operator = '', right = ''] = PARTS.exec(text) ?? []
  const path = parseFieldPath((field ?? text).trim())
  if (field === undefined) return (payload) => valueAt(payload, path) !== undefined
  if (operator === '~') return matching(path, parsePattern(right))
  if (right === '') {
    throw new InvalidArgumentError(`Expected a value after ${operator}, such as 'temp>30'.`)
  }
  const holds = COMPARISONS[operator] ?? (() => false)
  const literal = literalOf(right)
  return (payload) => {
    const order = orderOf(valueAt(payload, path), literal)
    return order !== undefined && holds(order)
  }
}

/** A regular expression of JavaScript. */
export function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, 'u')
  } catch (thrown) {
    throw new InvalidArgumentError(`Expected a regular expression: ${messageOf(thrown)}.`)
  }
}

function matching(path: FieldPath, pattern: RegExp): Condition {
  return (payload) => {
    const value = valueAt(payload, path)
    return value !== undefined && pattern.test(textOf(value))
  }
}

type Literal = number | string

/** Text can be quoted, so that `'30'` is not a number. */
function literalOf(text: string): Literal {
  if (NUMBER.test(text)) return Number(text)
  return /^(['"])(.*)\1$/s.exec(text)?.[2] ?? text
}

/** Less than 0 if `value` comes first; undefined if the two can't be compared. */
function orderOf(value: unknown, literal: Literal): number | undefined {
  if (value === undefined) return undefined
  if (typeof literal === 'number') {
    const number = numberOf(value)
    // Another kind of value is different, and neither less nor more.
    return number === undefined ? Number.NaN : number - literal
  }
  const text = textOf(value)
  if (text === literal) return 0
  return text < literal ? -1 : 1
}

/** Devices send numbers as text too. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' && NUMBER.test(value) ? Number(value) : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
