/** Expressions of pipelines against a plain model, and what no input may do to them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import {
  attributeAt,
  parseAttributePath,
  removeAttribute,
  setAttribute,
} from '../../src/analytics/pipelines/expressions/attribute-path.ts'
import { compileCondition, compileMath } from '../../src/analytics/pipelines/expressions/compile.ts'
import { ExpressionError } from '../../src/analytics/pipelines/expressions/expression-error.ts'
import type { JsonObject, JsonValue } from '../../src/analytics/pipelines/json/json-value.ts'
import { makePipeline } from '../../src/analytics/pipelines/pipeline.ts'

/** A number with its type; undefined is Undefined. */
type ModelNumber = { readonly value: number; readonly isInt: boolean } | undefined
type Truth = boolean | undefined

/** A piece of an expression: its text, and what the model says of it. */
interface Piece<Result> {
  readonly text: string
  of(message: JsonObject): Result
}

const NAMES = ['a', 'b', 'c', 'missing'] as const
const scalar = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.integer({ min: -40, max: 40 }).map((n) => n / 4),
  fc.constantFrom('7', '-2.5', 'x', 'press_1', '', 'true', 'FALSE'),
  fc.boolean(),
  fc.constant(null),
)
const message: fc.Arbitrary<JsonObject> = fc.record(
  { a: scalar, b: scalar, c: scalar },
  { requiredKeys: [] },
)

function numberOf(value: JsonValue | undefined): ModelNumber {
  if (typeof value === 'number') return { value, isInt: Number.isInteger(value) }
  if (value === '7' || value === '-2.5') return { value: Number(value), isInt: false }
  return undefined
}

function whole(value: number, isInt: boolean): ModelNumber {
  return Number.isFinite(value) ? { value, isInt } : undefined
}

const attribute = fc
  .constantFrom(...NAMES)
  .map((text): Piece<JsonValue | undefined> => ({ text, of: (message) => message[text] }))

const MODEL_OPERATORS: Record<string, (left: number, right: number) => number> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
}
const MODEL_FUNCTIONS: Record<string, (n: NonNullable<ModelNumber>) => ModelNumber> = {
  abs: ({ value, isInt }) => whole(Math.abs(value), isInt),
  ceil: ({ value }) => whole(Math.ceil(value), true),
  sign: ({ value }) => whole(Math.sign(value), true),
  round: ({ value }) => whole(value < 0 ? -Math.round(-value) : Math.round(value), true),
  sqrt: ({ value }) => whole(Math.sqrt(value), false),
  exp: ({ value }) => whole(Math.exp(value), false),
}

const { sum } = fc.letrec<{ sum: Piece<ModelNumber> }>((tie) => ({
  sum: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    attribute.map(({ text, of }) => ({ text, of: (message: JsonObject) => numberOf(of(message)) })),
    fc.nat(9).map((n) => ({ text: `${n}`, of: () => whole(n, true) })),
    fc.nat(30).map((n) => ({ text: (n / 8).toFixed(3), of: () => whole(n / 8, false) })),
    fc
      .tuple(fc.constantFrom(...Object.keys(MODEL_OPERATORS)), tie('sum'), tie('sum'))
      .map(([operator, left, right]) => ({
        text: `(${left.text}) ${operator} (${right.text})`,
        of(message: JsonObject) {
          const [l, r] = [left.of(message), right.of(message)]
          if (l === undefined || r === undefined) return undefined
          const isInt = l.isInt && r.isInt
          const result = MODEL_OPERATORS[operator]!(l.value, r.value)
          return whole(operator === '/' && isInt ? Math.trunc(result) : result, isInt)
        },
      })),
    tie('sum').map((operand) => ({
      text: `-(${operand.text})`,
      of(message: JsonObject) {
        const n = operand.of(message)
        return n === undefined ? undefined : whole(-n.value, n.isInt)
      },
    })),
    fc
      .tuple(fc.constantFrom(...Object.keys(MODEL_FUNCTIONS)), tie('sum'))
      .map(([name, operand]) => ({
        text: `${name}(${operand.text})`,
        of(message: JsonObject) {
          const n = operand.of(message)
          return n === undefined ? undefined : MODEL_FUNCTIONS[name]!(n)
        },
      })),
  ),
}))

const isShort = ({ text }: Piece<unknown>) => text.length <= 256

test('math expressions have the values of the model', () => {
  fc.assert(
    fc.property(sum.filter(isShort), message, (piece, message) => {
      const expected = piece.of(message)?.value

      const actual = compileMath(piece.text)(message)

      // Neither of them cares for the sign of zero, as JSON does not.
      assert.equal(actual === 0 ? 0 : actual, expected === 0 ? 0 : expected, piece.text)
    }),
    { numRuns: 3_000 },
  )
})

test('operators without parentheses bind as those of JavaScript', () => {
  const operators = fc.constantFrom('+', '-', '*', '%')
  const operands = fc.integer({ min: 1, max: 9 })
  const tail = fc.array(fc.tuple(operators, operands), { maxLength: 8 })
  fc.assert(
    fc.property(operands, tail, (first, rest) => {
      const terms: number[] = [first]
      const signs: number[] = [1]
      for (const [operator, n] of rest) {
        const last = terms.length - 1
        if (operator === '*') terms[last]! *= n
        else if (operator === '%') terms[last]! %= n
        else {
          terms.push(n)
          signs.push(operator === '+' ? 1 : -1)
        }
      }
      const expected = terms.reduce((total, term, i) => total + term * signs[i]!, 0)

      assert.equal(compileMath([first, ...rest.flat()].join(''))({}), expected)
    }),
  )
})

function modelOrder(left: JsonValue | undefined, right: JsonValue | undefined): number | undefined {
  const [l, r] = [numberOf(left)?.value, numberOf(right)?.value]
  if (l !== undefined && r !== undefined) return Math.sign(l - r)
  if (typeof left !== 'string' || typeof right !== 'string') return undefined
  return left < right ? -1 : left > right ? 1 : 0
}

function modelEqual(left: JsonValue | undefined, right: JsonValue | undefined): Truth {
  if ((left ?? null) === null || (right ?? null) === null) return undefined
  return isDeepStrictEqual(left, right)
}

function modelHolds(
  operator: string,
  left: JsonValue | undefined,
  right: JsonValue | undefined,
): Truth {
  if (operator === '=') return modelEqual(left, right)
  if (operator === '<>') return modelNot(modelEqual(left, right))
  const order = modelOrder(left, right)
  if (order === undefined) return undefined
  return { '<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0 }[operator]
}

const modelNot = (truth: Truth): Truth => (truth === undefined ? undefined : !truth)
/** As minimum and maximum of false, unknown and true. */
const RANKS: readonly Truth[] = [false, undefined, true]
const modelAnd = (...truths: Truth[]) => RANKS[Math.min(...truths.map((t) => RANKS.indexOf(t)))]
const modelOr = (...truths: Truth[]) => RANKS[Math.max(...truths.map((t) => RANKS.indexOf(t)))]

const literal = fc
  .oneof(fc.nat(20), fc.constantFrom('7', 'x', 'press_1', ''))
  .map((value): Piece<JsonValue | undefined> => {
    return { text: typeof value === 'number' ? `${value}` : `'${value}'`, of: () => value }
  })
const operand = fc.oneof(attribute, literal)
const negation = fc.constantFrom('', 'NOT ')
const negated = (negation: string, truth: Truth) => (negation === '' ? truth : modelNot(truth))

const predicate: fc.Arbitrary<Piece<Truth>> = fc.oneof(
  fc
    .tuple(fc.constantFrom('=', '<>', '<', '<=', '>', '>='), operand, operand)
    .map(([operator, left, right]) => ({
      text: `${left.text} ${operator} ${right.text}`,
      of: (message: JsonObject) => modelHolds(operator, left.of(message), right.of(message)),
    })),
  fc.tuple(negation, operand).map(([negation, { text, of }]) => ({
    text: `${text} IS ${negation}NULL`,
    of: (message: JsonObject) => negated(negation, (of(message) ?? null) === null),
  })),
  fc.tuple(negation, operand, operand, operand).map(([negation, value, low, high]) => ({
    text: `${value.text} ${negation}BETWEEN ${low.text} AND ${high.text}`,
    of: (message: JsonObject) =>
      negated(
        negation,
        modelAnd(
          modelHolds('>=', value.of(message), low.of(message)),
          modelHolds('<=', value.of(message), high.of(message)),
        ),
      ),
  })),
  fc
    .tuple(negation, operand, fc.array(operand, { minLength: 1, maxLength: 3 }))
    .map(([negation, value, list]) => ({
      text: `${value.text} ${negation}IN (${list.map(({ text }) => text).join(', ')})`,
      of: (message: JsonObject) =>
        negated(
          negation,
          modelOr(...list.map((element) => modelEqual(value.of(message), element.of(message)))),
        ),
    })),
  attribute.map(({ text, of }) => ({
    text,
    of(message: JsonObject) {
      const value = of(message)
      return typeof value === 'boolean' ? value : { true: true, FALSE: false }[String(value)]
    },
  })),
)

const { condition } = fc.letrec<{ condition: Piece<Truth> }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    predicate,
    tie('condition').map(({ text, of }) => ({
      text: `NOT (${text})`,
      of: (message: JsonObject) => modelNot(of(message)),
    })),
    fc
      .tuple(fc.constantFrom('AND', 'OR'), tie('condition'), tie('condition'))
      .map(([operator, left, right]) => ({
        text: `(${left.text}) ${operator} (${right.text})`,
        of(message: JsonObject) {
          const truths = [left.of(message), right.of(message)]
          return operator === 'AND' ? modelAnd(...truths) : modelOr(...truths)
        },
      })),
  ),
}))

test('conditions pass the messages that the model passes, and so do their negations', () => {
  fc.assert(
    fc.property(condition.filter(isShort), message, (piece, message) => {
      const truth = piece.of(message)

      assert.equal(compileCondition(piece.text)(message), truth === true, piece.text)
      if (piece.text.length > 250) return
      assert.equal(compileCondition(`NOT (${piece.text})`)(message), truth === false, piece.text)
    }),
    { numRuns: 3_000 },
  )
})

test('LIKE matches as the regular expression of the same meaning', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', '😀'), maxLength: 8 })
  const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '😀', '%', '_'), maxLength: 7 })
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      const source = pattern.replaceAll('%', '.*').replaceAll('_', '.')

      const actual = compileCondition(`text LIKE '${pattern}'`)({ text })

      assert.equal(actual, new RegExp(`^${source}$`, 'u').test(text), pattern)
    }),
    { numRuns: 2_000 },
  )
})

const token = fc.constantFrom(
  ...['a', 'b.c', 'd[0]', '`x y`', '1', '2.5', '.5', '1e9', "'t'", "''", '+', '-', '*', '/', '%'],
  ...[
    '(',
    ')',
    '((',
    '[',
    ']',
    ',',
    '.',
    '=',
    '<>',
    '!=',
    '<',
    '>=',
    'AND',
    'or',
    'NOT',
    'IN',
    'IS',
  ],
  ...[
    'NULL',
    'LIKE',
    "'a%_'",
    'ESCAPE',
    "'!'",
    'BETWEEN',
    'TRUE',
    'false',
    'abs(',
    'trunc(',
    'atan2(',
  ],
  ...[
    'lower(',
    'length(',
    '`',
    "'",
    '"',
    '==',
    '&&',
    '__proto__',
    'constructor',
    'é',
    '\n',
    '\u2028',
  ],
)
const soup = fc.oneof(
  fc.array(token, { maxLength: 14 }).map((tokens) => tokens.join(' ')),
  fc.array(token, { maxLength: 14 }).map((tokens) => tokens.join('')),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .constantFrom('(', '-', 'NOT ', 'abs(', 'a[', 'a.')
    .map((text) => text.repeat(300).slice(0, 256)),
)
const anyMessage: fc.Arbitrary<JsonObject> = fc
  .dictionary(
    fc.constantFrom('a', 'b', 'c', 'd', 'x y', '__proto__', 'constructor'),
    fc.jsonValue(),
  )
  .map((message) => JSON.parse(JSON.stringify(message)))

/** Calls it, and accepts no error but that of expressions. */
function withExpressionErrors<Result>(call: () => Result): Result | undefined {
  try {
    return call()
  } catch (thrown) {
    assert.ok(thrown instanceof ExpressionError, String(thrown))
    assert.ok(thrown.column >= 1 && thrown.column <= 257)
    return undefined
  }
}

test('no text makes the parsers throw anything but their error, and no message makes them throw', () => {
  fc.assert(
    fc.property(soup, anyMessage, (text, message) => {
      const passes = withExpressionErrors(() => compileCondition(text))
      const compute = withExpressionErrors(() => compileMath(text))

      if (passes !== undefined) assert.equal(typeof passes(message), 'boolean')
      const result = compute?.(message)
      assert.ok(result === undefined || Number.isFinite(result))
    }),
    { numRuns: 5_000 },
  )
})

test('no path changes anything but the message', () => {
  const inherited = Object.getOwnPropertyNames(Object.prototype)
  const part = fc.constantFrom(
    ...[
      'a',
      'b',
      '__proto__',
      'constructor',
      'prototype',
      'length',
      '`x y`',
      '.',
      '[0]',
      '[1]',
      '[',
    ],
  )
  const path = fc.array(part, { maxLength: 7 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(path, soup), anyMessage, (text, message) => {
      const parsed = withExpressionErrors(() => parseAttributePath(text))
      if (parsed === undefined) return

      if (setAttribute(message, parsed.steps, 1)) {
        assert.equal(attributeAt(message, parsed.steps), 1)
        removeAttribute(message, parsed.steps)
      }

      assert.equal(Object.getPrototypeOf(message), Object.prototype)
      assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), inherited)
    }),
    { numRuns: 3_000 },
  )
})

test('every payload is stored, dropped or failed, whatever it is', async () => {
  const pipeline = makePipeline(
    {
      pipelineName: 'p',
      pipelineActivities: [
        { channel: { name: 'in', channelName: 'c', next: 'filter' } },
        { filter: { name: 'filter', filter: 'a IS NOT NULL OR c > 3', next: 'math' } },
        { math: { name: 'math', attribute: 'b.n[0]', math: 'a * 2', next: 'add' } },
        { addAttributes: { name: 'add', attributes: { a: 'c.d', b: 'e' }, next: 'remove' } },
        { removeAttributes: { name: 'remove', attributes: ['a', 'c'], next: 'out' } },
        { datastore: { name: 'out', datastoreName: 'd' } },
      ],
    },
    { functions: { invoke: () => Promise.reject(new Error('no function is called')) } },
  )
  const payload = fc.oneof(
    anyMessage.map((message) => Buffer.from(JSON.stringify(message))),
    fc.json().map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(payload, { maxLength: 20 }), async (payloads) => {
      const inputs = payloads.map((payload) => ({ payload }))

      const { stored, dropped, failed } = await pipeline.run(inputs)

      const droppedCount = dropped.reduce((total, { count }) => total + count, 0)
      assert.equal(stored.length + droppedCount + failed.length, inputs.length)
      for (const { payload } of stored) JSON.parse(payload.toString())
    }),
    { numRuns: 1_000 },
  )
})
