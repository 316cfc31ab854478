/** Expressions of filter activities. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileCondition } from '../../../../src/analytics/pipelines/expressions/compile.ts'
import { ExpressionError } from '../../../../src/analytics/pipelines/expressions/expression-error.ts'
import type { JsonObject } from '../../../../src/analytics/pipelines/json/json-value.ts'

const message: JsonObject = {
  temp: 45,
  hum: 10,
  numeric: '45.0',
  device: { id: 'press_7', tags: ['a', 'b'], 'max-temp': 50 },
  isOpen: true,
  said: 'TRUE',
  nothing: null,
  time: '2026-11-29T10:00:00Z',
  id: 9007199254740993n,
}

function passes(condition: string): boolean {
  return compileCondition(condition)(message)
}

function assertPass(...conditions: readonly string[]): void {
  assert.deepEqual(
    conditions.filter((condition) => !passes(condition)),
    [],
  )
}

function assertStopped(...conditions: readonly string[]): void {
  assert.deepEqual(conditions.filter(passes), [])
}

test('the example of AWS’s user guide passes what is hot and dry', () => {
  const condition = compileCondition('temp > 40 AND hum < 20')

  assert.equal(condition({ temp: 41, hum: 19 }), true)
  assert.equal(condition({ temp: 40, hum: 19 }), false)
  assert.equal(condition({ temp: 41, hum: 20 }), false)
  assert.equal(condition({ temp: 41 }), false)
})

test('numbers are compared by value', () => {
  assertPass('temp = 45', 'temp <> 44', 'temp != 44', 'temp >= 45', 'temp <= 45.0', '44 < temp')
  assertStopped('temp = 44', 'temp <> 45', 'temp > 45', 'temp < 45')
})

test('text that says a number is ordered as one, but not equal to one', () => {
  assertPass('numeric > 44.9', 'numeric <= 45', "'9' < '10'", "numeric <> '45'")
  assertStopped('numeric = 45', 'numeric = temp')
})

test('other text is ordered by its characters', () => {
  assertPass("time >= '2026-11-29'", "time < '2026-12'", "device.id > 'press_6'")
  assertStopped("time < '2026-11-29'")
})

test('values of different types are neither equal nor ordered', () => {
  assertPass("temp <> 'hot'", 'device <> 1', "isOpen <> 'true'")
  assertStopped("temp = 'hot'", "temp > 'hot'", "temp <= 'hot'", 'device > 1', 'isOpen > 0')
})

test('arrays and objects are equal if what they hold is', () => {
  const same = compileCondition('a = b')

  assert.equal(same({ a: { x: [1, 2], y: null }, b: { y: null, x: [1, 2] } }), true)
  assert.equal(same({ a: [1, 2], b: [2, 1] }), false)
})

test('integers beyond the precision of a number are compared exactly', () => {
  assertPass('id > 9007199254740992', 'id <> 9007199254740992', 'id > 5', "id > '5'")
})

test('a missing attribute and null are unknown, which does not pass', () => {
  for (const name of ['nothing', 'missing', 'device.missing', 'device.tags[2]', 'temp.inner']) {
    assertStopped(...['= 1', '<> 1', '< 1', "LIKE '%'", 'IN (1)'].map((rest) => `${name} ${rest}`))
    assertStopped(`NOT ${name} = 1`, `${name} NOT IN (1)`, `${name} BETWEEN 0 AND 1`, name)
    assertPass(`${name} IS NULL`, `NOT ${name} IS NOT NULL`, `${name} = 1 OR temp = 45`)
    assertStopped(`${name} = 1 AND temp = 45`, `NOT (${name} = 1 AND temp = 45)`)
    assertPass(`NOT (${name} = 1 AND temp = 0)`)
  }
  assertPass('temp IS NOT NULL', 'device IS NOT NULL')
})

test('AND binds more strongly than OR, and NOT most strongly', () => {
  assertPass('temp = 45 OR temp = 0 AND hum = 0', 'not temp = 0 and hum = 10')
  assertStopped('(temp = 45 OR temp = 0) AND hum = 0', 'NOT temp = 45 OR hum = 0')
  assertPass('NOT NOT temp = 45', 'NOT (temp = 0 OR hum = 0)')
})

test('an attribute may be the condition', () => {
  assertPass('isOpen', 'said', 'isOpen = TRUE', 'isOpen AND NOT FALSE', 'TRUE')
  assertStopped('NOT isOpen', 'temp', 'device.id', 'FALSE', 'isOpen = false')
})

test('BETWEEN includes both ends', () => {
  assertPass('temp BETWEEN 45 AND 46', 'temp BETWEEN 44 AND 45', 'temp NOT BETWEEN 46 AND 50')
  assertPass('temp BETWEEN 40 AND 50 AND hum = 10', "time BETWEEN '2026-11' AND '2026-12'")
  assertStopped('temp BETWEEN 46 AND 50', 'temp NOT BETWEEN 45 AND 45', 'temp BETWEEN 50 AND 40')
  // The upper end decides although the lower is unknown.
  assertPass('temp NOT BETWEEN missing AND 40')
})

test('IN compares with each value', () => {
  assertPass('temp IN (1, 45)', "device.id IN ('press_6', 'press_7')", 'temp NOT IN (1, 2)')
  assertPass('45 IN (hum, temp)', 'temp IN (missing, 45)')
  assertStopped('temp IN (1, 2)', 'temp NOT IN (1, 45)', 'temp NOT IN (1, missing)')
})

test('LIKE knows any text, one character and an escape character', () => {
  const patterns = ["'press%'", "'%7'", "'%ess%'", "'press_7'", "'%'", "'_ress__'"]
  assertPass(...patterns.map((pattern) => `device.id LIKE ${pattern}`))
  assertPass("device.id LIKE 'press!_7' ESCAPE '!'", "'50%' LIKE '__!%' ESCAPE '!'")
  assertPass("'😀x' LIKE '_x'", "'abab' LIKE '%ab'", "'aXbXc' LIKE 'a%b%c'", "'' LIKE '%'")
  assertStopped("device.id LIKE 'ress%'", "device.id LIKE 'PRESS%'", "'ab' LIKE 'ab%b'")
  assertStopped("'a' LIKE ''", "temp LIKE '4%'", "'pressx7' LIKE 'press!_7' ESCAPE '!'")
  assertPass("device.id NOT LIKE 'oven%'")
  assertStopped("temp NOT LIKE '4%'")
})

test('a pattern takes no more time than its length times that of the text', () => {
  const condition = compileCondition(`text LIKE '${'%a'.repeat(50)}_b'`)
  const started = performance.now()

  assert.equal(condition({ text: 'a'.repeat(100_000) }), false)

  assert.ok(performance.now() - started < 5_000)
})

test('arithmetic and functions may be compared', () => {
  assertPass('temp - hum > 34', 'abs(hum - temp) = 35', 'temp * 2 = 90', 'temp % 2 = 1')
  assertPass("lower('PRESS') = 'press'", "upper(device.id) LIKE 'PRESS%'", 'length(device.id) = 7')
  assertPass("trim('  a ') = 'a'", 'length(device.id) * 2 > 13', 'device.`max-temp` > temp')
  assertStopped('lower(temp) = 45', 'missing + 1 > 0', 'NOT missing + 1 > 0', '1 / 0 = 1')
})

test('attributes that objects inherit are missing', () => {
  assertPass('constructor IS NULL', '__proto__ IS NULL', 'device.toString IS NULL')
  assertPass('device.tags.length IS NULL')
})

/** The message of the error, without the expression that it shows. */
function problemOf(condition: string): string {
  try {
    compileCondition(condition)
  } catch (thrown) {
    assert.ok(thrown instanceof ExpressionError)
    return thrown.message.split('\n')[0] ?? ''
  }
  return 'none'
}

test('an error names the column and what was expected there', () => {
  const expected = {
    'temp + 1': 'column 6: expected a condition, got a number',
    'temp > AND hum < 20':
      'column 8: expected an attribute or a value, got AND; the attribute of that name is written `AND`',
    'temp > 40) AND hum < 20': 'column 10: expected an operator or the end, got )',
    '1 < temp < 5': 'column 10: expected an operator or the end, got <',
    'temp = NULL':
      'column 8: expected a value; to look for missing attributes write IS NULL, got NULL',
    'temp IS 5': 'column 9: expected NULL, got 5',
    'temp NOT 5': 'column 10: expected BETWEEN, IN or LIKE, got 5',
    'temp IN ()': 'column 10: expected an attribute or a value, got )',
    'temp BETWEEN 1 OR 2':
      'column 16: expected AND, got OR; the attribute of that name is written `OR`',
    'name LIKE other': "column 11: expected a pattern such as 'press%', got other",
    "name LIKE 'a!b' ESCAPE '!'": 'column 6: expected %, _ or ! after !',
    "name LIKE 'a' ESCAPE 'xy'": 'column 22: expected one character between quotes',
    '(temp > 1) + 1 > 2': 'column 7: expected a number, got a condition',
    "'a' AND temp": 'column 1: expected a condition, got text',
    'lower(name)': 'column 1: expected a condition, got a value',
  }

  const actual = Object.keys(expected).map((condition) => [condition, problemOf(condition)])

  assert.deepEqual(Object.fromEntries(actual), expected)
})
