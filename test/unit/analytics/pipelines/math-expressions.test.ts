/** Expressions of math activities. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileMath } from '../../../../src/analytics/pipelines/expressions/compile.ts'
import { ExpressionError } from '../../../../src/analytics/pipelines/expressions/expression-error.ts'
import type { JsonObject } from '../../../../src/analytics/pipelines/json/json-value.ts'

const value = (expression: string, message: JsonObject = {}) => compileMath(expression)(message)

/** Each expression with its value. */
function assertValues(expected: Readonly<Record<string, number | undefined>>, message = {}): void {
  const actual = Object.keys(expected).map((expression) => [expression, value(expression, message)])
  assert.deepEqual(Object.fromEntries(actual), expected)
}

test('the examples of the math functions in AWS’s user guide hold', () => {
  assertValues({
    'abs(-5)': 5,
    'acos(0)': 1.5707963267948966,
    'asin(0)': 0,
    'atan(0)': 0,
    'atan2(1, 0)': 1.5707963267948966,
    'ceil(1.2)': 2,
    'cos(0)': 1,
    'cosh(2.3)': 5.037220649268761,
    'log(100)': 2,
    'mod(8, 3)': 2,
    'power(2, 5)': 32,
    'Round(1.2)': 1,
    'Round(1.5)': 2,
    'Round(1.7)': 2,
    'Round(-1.1)': -1,
    'Round(-1.5)': -2,
    'sign(-7)': -1,
    'sign(0)': 0,
    'sign(13)': 1,
    'sin(0)': 0,
    'sinh(2.3)': 4.936961805545957,
    'sqrt(9)': 3,
    'tan(3)': -0.1425465430742778,
    'tanh(2.3)': 0.9800963962661914,
    'trunc(2.3, 0)': 2,
    'trunc(2.3123, 2)': 2.31,
    'trunc(2.888, 2)': 2.88,
    'trunc(2.00, 5)': 2,
  })
})

test('functions whose examples in the guide are wrong do what their text says', () => {
  assertValues({
    'ceil(11.2)': 12,
    'ceil(-1.2)': -1,
    'exp(1)': Math.E,
    'ln(exp(1))': 1,
    'mod(8, 3)': 2,
  })
})

test('operators bind as in arithmetic, from left to right', () => {
  assertValues({
    '1 + 2 * 3': 7,
    '(1 + 2) * 3': 9,
    '10 - 4 - 3': 3,
    '100 / 10 / 5': 2,
    '7 % 4 * 2': 6,
    '-2 * -3': 6,
    '- - 2': 2,
    '2 - -2': 4,
    '1e3 + .5 + 2.': 1002.5,
  })
})

test('the quotient of two Ints is an Int, and of anything else a Decimal', () => {
  const message = { seven: 7, half: 0.5, text: '7', list: [9] }

  assertValues(
    {
      'seven / 2': 3,
      '-seven / 2': -3,
      'list[0] / 2': 4,
      'seven / 2.0': 3.5,
      'seven / 2e0': 3.5,
      'seven * 1.0 / 2': 3.5,
      'seven / (half + 1.5)': 3.5,
      'text / 2': 3.5,
      'round(3.4) / 2': 1,
      'abs(-7) / 2': 3,
      'abs(-7.0) / 2': 3.5,
      'sqrt(49) / 2': 3.5,
      'power(7, 1) / 2': 3.5,
      'mod(seven, 8) / 2': 3,
      'mod(7.0, 8) / 2': 3.5,
      'trunc(seven, 2) / 2': 3,
    },
    message,
  )
})

test('text counts as the number it says', () => {
  const message = { temp: '21.5', plus: '+1e1', point: '.5', hex: '0x10', empty: '', word: 'hot' }

  assertValues(
    {
      'temp * 2': 43,
      'plus + point': 10.5,
      "'40' + 2": 42,
      'abs(temp)': 21.5,
      'hex + 1': undefined,
      'empty + 1': undefined,
      'word + 1': undefined,
    },
    message,
  )
})

test('booleans, arrays, objects, null and missing attributes make the result Undefined', () => {
  const message = { yes: true, list: [1], inner: { a: 1 }, nothing: null }

  for (const name of ['yes', 'list', 'inner', 'nothing', 'missing', 'inner.b', 'list[1]']) {
    for (const use of [name, `${name} + 1`, `abs(${name})`, `power(2, ${name})`, `-${name}`]) {
      assert.equal(value(use, message), undefined, use)
    }
  }
})

test('imaginary and infinite results are Undefined, also inside of an expression', () => {
  for (const expression of [
    ...[
      'sqrt(-1)',
      'acos(2)',
      'asin(-2)',
      'ln(-1)',
      'log(0)',
      'power(-8, 0.5)',
      '1 / 0',
      '1.0 / 0',
    ],
    ...[
      '1 % 0',
      'mod(1, 0)',
      '1e308 * 10',
      'exp(1000)',
      '1 / exp(1000)',
      'atan(1e308 * 10)',
      '1e999',
    ],
  ]) {
    assert.equal(value(expression), undefined, expression)
  }
})

test('trunc cuts the digits as they are written', () => {
  assertValues({
    'trunc(4.35, 2)': 4.35,
    'trunc(-4.359, 2)': -4.35,
    'trunc(1.005, 2)': 1,
    'trunc(2.9, -3)': 2,
    'trunc(2.123456789012345, 99)': 2.123456789012345,
    'trunc(2.19, 1.9)': 2.1,
    "trunc('2.19', 1)": 2.1,
    "trunc(2.19, '1')": undefined,
    'trunc(0.00000012345, 8)': 0.00000012,
    'trunc(0.00000012345, 3)': 0,
    'trunc(1e300, 2)': 1e300,
  })
  assert.equal(value('trunc(2.19, places)', { places: '1' }), undefined)
  assert.equal(value('trunc(2.19, places)', { places: 1 }), 2.1)
})

test('attributes are found by path, also by names between back quotes', () => {
  const message = { device: { 'max.temp': 3, coord: [47.5, { x: 1 }] }, 'a`b': 5, größe: 2, in: 9 }

  assertValues(
    {
      'device.`max.temp` + 0': 3,
      'device.coord[0]': 47.5,
      'device.coord[1].x': 1,
      '`a``b`': 5,
      größe: 2,
      'in * 2': 18,
      'constructor + 0': undefined,
      'device.__proto__.x': undefined,
      'device.coord.length': undefined,
    },
    message,
  )
})

test('an integer that a number cannot hold is rounded', () => {
  assert.equal(value('id * 1.0', { id: 12345678901234567890n }), 12345678901234567000)
})

/** The message of the error, without the expression that it shows. */
function problemOf(expression: string): string {
  try {
    compileMath(expression)
  } catch (thrown) {
    assert.ok(thrown instanceof ExpressionError)
    return thrown.message.split('\n')[0] ?? ''
  }
  return 'none'
}

test('an error names the column and what was expected there', () => {
  assert.deepEqual(
    ['1 +', '(1', '1 2', 'temp >', 'logg(1)', 'abs(1, 2)', 'atan2(1)', 'a.', 'a[x]', "'a", '1 == 2']
      .concat(['a && b', '"a"', '#', ''])
      .map(problemOf),
    [
      'column 4: expected an attribute or a value, got the end',
      'column 3: expected ), got the end',
      'column 3: expected an operator or the end, got 2',
      'column 6: expected an operator or the end, got >',
      'column 1: there is no function logg; is log meant?',
      'column 1: abs takes one argument, got 2',
      'column 1: atan2 takes two arguments, got 1',
      'column 3: expected the name of an attribute, got the end',
      'column 3: expected an index, got x',
      'column 1: this text has no closing quote',
      'column 3: write = to compare',
      'column 3: write AND',
      "column 1: text stands between '…', a name with other characters between `…`",
      'column 1: no expression contains this character',
      'column 1: expected an attribute or a value, got the end',
    ],
  )
})

test('an error shows the expression with a caret', () => {
  assert.throws(() => compileMath('temp *\n* 2'), {
    message: 'column 8: expected an attribute or a value, got *\n  temp * * 2\n         ^',
    column: 8,
  })
})

test('length and depth are bounded', () => {
  const nested = (depth: number) => `${'('.repeat(depth)}1${')'.repeat(depth)}`

  assert.equal(value(nested(64)), 1)
  assert.match(problemOf(nested(65)), /at most 64 levels/)
  assert.match(problemOf(`${'-'.repeat(200)}1`), /at most 64 levels/)
  assert.equal(value(`1${' '.repeat(255)}`), 1)
  assert.match(problemOf(`1${' '.repeat(256)}`), /at most 256 characters, got 257/)
})
