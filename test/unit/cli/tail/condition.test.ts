import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCondition, parsePattern } from '../../../../src/cli/commands/tail/condition.ts'
import { parseFieldPath, valueAt } from '../../../../src/cli/commands/tail/field-path.ts'

const PAYLOAD = {
  temp: 23.5,
  text: '31',
  state: 'run',
  'a.b': { c: true },
  motor: { temp: 40, id: 'm-7' },
  readings: [1, { x: 2 }],
  none: null,
}

const HOLDS: readonly (readonly [string, boolean])[] = [
  ['temp>23', true],
  ['temp > 23.5', false],
  ['temp>=23.5', true],
  ['temp<24', true],
  ['temp<=23', false],
  ['temp=23.5', true],
  ['temp==23.5', true],
  ['temp!=23.5', false],
  ['temp<>1', true],
  ['temp=warm', false],
  ['text>30', true],
  ["text='31'", true],
  ['text="31"', true],
  ['state=run', true],
  ["state!='run'", false],
  ['state>30', false],
  ['state!=30', true],
  ['state~^r.n$', true],
  ['state~stop', false],
  ['motor.temp>30', true],
  ['motor.id~-7$', true],
  ['readings[0]=1', true],
  ['readings[1].x=2', true],
  ['"a.b".c=true', true],
  ['none=null', true],
  ['temp', true],
  ['absent', false],
  ['absent!=1', false],
  ['constructor', false],
  ['motor.temp.x=1', false],
]

for (const [text, expected] of HOLDS) {
  test(`\`${text}\` ${expected ? 'holds' : 'does not hold'}`, () => {
    assert.equal(parseCondition(text)(PAYLOAD), expected)
  })
}

test('a payload that is no object fulfils no condition', () => {
  for (const payload of [undefined, null, 5, 'temp']) {
    assert.equal(parseCondition('temp!=1')(payload), false)
  }
})

test('a path that can’t be read is refused with an example', () => {
  for (const text of ['', '.', 'a..b', 'a[', 'a[x]', '"a', 'a b']) {
    assert.throws(() => parseFieldPath(text), /Expected a path such as temp, motor\.temp/, text)
  }
  assert.throws(() => parseCondition('temp>'), /Expected a value after >/)
  assert.throws(() => parsePattern('('), /Expected a regular expression/)
})

test('a name with dots or quotes is written in quotes', () => {
  const path = parseFieldPath('"a.b"."c\\"d"')

  assert.deepEqual(path.keys, ['a.b', 'c"d'])
  assert.equal(valueAt({ 'a.b': { 'c"d': 1 } }, path), 1)
})
