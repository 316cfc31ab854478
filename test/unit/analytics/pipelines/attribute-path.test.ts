/** Paths of attributes in messages. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  attributeAt,
  parseAttributePath,
  removeAttribute,
  setAttribute,
} from '../../../../src/analytics/pipelines/expressions/attribute-path.ts'
import type { JsonObject, JsonValue } from '../../../../src/analytics/pipelines/json/json-value.ts'

const get = (message: JsonObject, path: string) =>
  attributeAt(message, parseAttributePath(path).steps)
const set = (message: JsonObject, path: string, value: JsonValue) =>
  setAttribute(message, parseAttributePath(path).steps, value)
const remove = (message: JsonObject, path: string) =>
  removeAttribute(message, parseAttributePath(path).steps)

const parsed = (text: string): JsonObject => JSON.parse(text)

test('a path has names, indexes, and names between back quotes', () => {
  const steps = (path: string) => parseAttributePath(path).steps

  assert.deepEqual(steps('device.coord[0]'), ['device', 'coord', 0])
  assert.deepEqual(steps('a[1][2].b'), ['a', 1, 2, 'b'])
  assert.deepEqual(steps('temp-01.max temp'), ['temp-01', 'max temp'])
  assert.deepEqual(steps('a.`b.c[0]`.`d``e`'), ['a', 'b.c[0]', 'd`e'])
})

test('a path with an error names the column', () => {
  const errors = { '': 1, 'a.': 3, '.a': 1, 'a..b': 3, 'a[x]': 2, 'a[0': 2, 'a]': 2, 'a[0]b': 5 }

  for (const [path, column] of Object.entries({ ...errors, '`a': 1, '[0]': 1 })) {
    assert.throws(() => parseAttributePath(path), { name: 'ExpressionError', column }, path)
  }
  assert.throws(() => parseAttributePath('a'.repeat(257)), { message: /at most 256 characters/ })
})

test('only what the message itself has is found', () => {
  const own = parsed('{"__proto__": {"a": 1}, "constructor": 2, "list": ["x"], "text": "abc"}')

  assert.deepEqual(get(own, '__proto__.a'), 1)
  assert.deepEqual(get(own, 'constructor'), 2)
  assert.deepEqual(get(own, 'list[0]'), 'x')
  for (const path of ['toString', 'list.length', 'text.length', 'text[0]', 'list[1]', 'a.b.c']) {
    assert.equal(get(own, path), undefined, path)
  }
  assert.equal(get({}, '__proto__'), undefined)
  assert.equal(get({}, 'constructor.prototype'), undefined)
})

test('setting changes the message alone, never what all objects inherit', () => {
  const message: JsonObject = {}

  assert.ok(set(message, '__proto__.polluted', 1))
  assert.ok(set(message, 'constructor.prototype.polluted', 2))

  assert.equal(Object.getPrototypeOf(message), Object.prototype)
  assert.equal(Reflect.get({}, 'polluted'), undefined)
  const expected = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}}}'
  assert.equal(JSON.stringify(message), expected)
})

test('setting makes the objects and arrays around the attribute', () => {
  const message: JsonObject = { kept: 1 }

  assert.ok(set(message, 'a.b', 2))
  assert.ok(set(message, 'a.list[0].x', 3))
  assert.ok(set(message, 'a.list[1]', 4))
  assert.ok(set(message, 'kept', 5))

  assert.deepEqual(message, { kept: 5, a: { b: 2, list: [{ x: 3 }, 4] } })
})

test('an attribute is not set through another kind of value or far beyond an array', () => {
  const message: JsonObject = { text: 'x', nothing: null, list: [1] }

  for (const path of ['text.a', 'nothing.a', 'list.a', 'text[0]', 'list[2]', 'list[999999999]']) {
    assert.equal(set(message, path, 1), false, path)
  }
  assert.deepEqual(message, { text: 'x', nothing: null, list: [1] })
})

test('removing takes the attribute out, and closes the gap in an array', () => {
  const message = parsed('{"a": {"b": 1, "c": 2}, "list": [1, 2, 3], "__proto__": 4}')

  for (const path of ['a.b', 'list[1]', '__proto__', 'missing.x', 'list[9]', 'a.c.d', 'a[0]']) {
    remove(message, path)
  }

  assert.equal(JSON.stringify(message), '{"a":{"c":2},"list":[1,3]}')
})
