import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LineRules, LineWriter } from '../../../../src/destinations/influx/line-writer.ts'
import { GrowingBuffer } from '../../../../src/destinations/rows/growing-buffer.ts'
import type { Message } from '../../../../src/message.ts'
import { makeMessage, packedMessage } from '../../../support/channels/batch-maker.ts'

const RULES: LineRules = {
  measurement: undefined,
  tags: {},
  fields: undefined,
  nested: 'ignore',
  valueField: 'value',
  rawField: undefined,
}

interface Written {
  readonly line: string
  readonly problem: string | undefined
}

function written(rules: Partial<LineRules>, given: Partial<Message>): Written {
  const out = new GrowingBuffer()
  const writer = new LineWriter(out, { ...RULES, ...rules })
  const message = makeMessage(7, { receivedAt: 1_790_000_000_123, ...given })
  const problem = writer.write(
    { channel: 'temperature', logId: '0a1b2c3d' },
    packedMessage(message),
  )
  return { line: String(out.content()), problem }
}

/** The line of a payload, without measurement and time. */
function fieldsOf(payload: string, rules: Partial<LineRules> = {}): string {
  const { line, problem } = written(rules, { payload: Buffer.from(payload) })
  assert.equal(problem, undefined)
  return /^temperature(.*) 1790000000123000007\n$/s.exec(line)?.[1]?.trim() ?? line
}

function problemOf(payload: string | Buffer, rules: Partial<LineRules> = {}): string {
  const { line, problem } = written(rules, { payload: Buffer.from(payload) })
  assert.equal(line, '')
  assert.ok(problem !== undefined)
  return problem
}

test('a message becomes a line: channel, tags, fields, arrival and offset', () => {
  const tags = {
    site: { value: 'north 1' },
    device: { topicLevel: 2 },
    model: { json: 'about.model' },
  }
  const { line } = written(
    { tags },
    {
      topic: 'plant/d7/data',
      payload: Buffer.from('{"t":21.50,"ok":true,"about":{"model":"x,y"}}'),
    },
  )

  assert.equal(
    line,
    'temperature,device=d7,site=north\\ 1,model=x\\,y t=21.50,ok=true 1790000000123000007\n',
  )
})

test('the measurement can be a fixed name', () => {
  const { line } = written({ measurement: 'my data' }, { payload: Buffer.from('1') })
  assert.match(line, /^my\\ data value=1 /)
})

test('messages of one millisecond have different times, also when sent again', () => {
  const times = [0, 1, 999_999, 1_000_001].map((offset) => {
    const message = makeMessage(offset, { receivedAt: 5, payload: Buffer.from('1') })
    const out = new GrowingBuffer()
    new LineWriter(out, RULES).write({ channel: 'c', logId: 'l' }, message)
    return String(out.content()).trim().split(' ').at(-1)
  })
  assert.deepEqual(times, ['5000000', '5000001', '5999999', '5000001'])
})

test('a clock at 1970 gives times without leading zeros', () => {
  const { line } = written({}, { receivedAt: 0, payload: Buffer.from('1') })
  assert.match(line, / 7\n$/)
})

test('numbers keep their digits; null is left out', () => {
  assert.equal(
    fieldsOf('{"a":12345678901234567890,"b":null,"c":-1.0E-3}'),
    'a=12345678901234567890,c=-1.0E-3',
  )
})

test('a payload that is a single value becomes the value field', () => {
  assert.equal(fieldsOf(' 21.5 '), 'value=21.5')
  assert.equal(fieldsOf('"on"', { valueField: 'state' }), 'state="on"')
  assert.equal(fieldsOf('false'), 'value=false')
})

test('strings and names are escaped', () => {
  assert.equal(fieldsOf('{"a b,c=d":"x\\"y\\\\z"}'), 'a\\ b\\,c\\=d="x\\"y\\\\z"')
  assert.equal(fieldsOf('{"\\u0061\\"":"é"}'), 'a"="é"')
})

test('a line end in a string never ends the line', () => {
  assert.equal(fieldsOf('{"a":"x\\nevil v=1\\r"}'), 'a="x\\\\nevil v=1\\\\r"')
  assert.equal(fieldsOf('{"a\\nb":1}'), 'a\\ b=1')
})

test('a backslash that servers read differently becomes a slash in names', () => {
  assert.equal(fieldsOf('{"c:\\\\dir":1,"x\\\\":2,"y\\\\,z":3}'), 'c:\\dir=1,x/=2,y/\\,z=3')
})

test('names that servers use get an underscore', () => {
  assert.equal(
    fieldsOf('{"time":5,"site":1}', { tags: { site: { value: 'n' } } }),
    ',site=n time_=5,site_=1',
  )
})

test('a member that is a tag is no field as well', () => {
  const tags = { device: { json: 'id' } }
  assert.equal(fieldsOf('{"id":7,"t":1}', { tags }), ',device=7 t=1')
  assert.equal(fieldsOf('{"t":1}', { tags }), 't=1')
  assert.equal(fieldsOf('{"id":null,"t":1}', { tags }), 't=1')
  assert.equal(fieldsOf('{"id":{},"t":1}', { tags }), 't=1')
})

test('a tag can be a level of the topic, also counted from its end', () => {
  const tags = { a: { topicLevel: 1 }, b: { topicLevel: -1 }, c: { topicLevel: 9 } }
  const { line } = written({ tags }, { topic: 'x/y/z', payload: Buffer.from('1') })
  assert.match(line, /^temperature,a=x,b=z value=1 /)
})

test('objects and arrays are left out, dotted, or kept as JSON', () => {
  const payload = '{"a":{"b":1,"c":{"d":"x"}},"l":[1, [2]],"t":3}'
  assert.equal(fieldsOf(payload), 't=3')
  assert.equal(fieldsOf(payload, { nested: 'dotted' }), 'a.b=1,a.c.d="x",l.0=1,l.1.0=2,t=3')
  assert.equal(
    fieldsOf(payload, { nested: 'json' }),
    'a="{\\"b\\":1,\\"c\\":{\\"d\\":\\"x\\"}}",l="[1, [2]]",t=3',
  )
  assert.equal(fieldsOf('[1,{"a":2}]', { nested: 'dotted' }), '0=1,1.a=2')
})

test('only the named fields are written, if some are named', () => {
  const payload = '{"a":1,"b":{"c":2,"d":3},"e":4}'
  assert.equal(fieldsOf(payload, { fields: ['a', 'e'] }), 'a=1,e=4')
  assert.equal(fieldsOf(payload, { fields: ['b.c'], nested: 'dotted' }), 'b.c=2')
})

test('of members with the same name the last one counts', () => {
  assert.equal(fieldsOf('{"a":1,"b":2,"\\u0061":3}'), 'a=3,b=2')
})

test('a payload without fields is refused with a reason', () => {
  for (const payload of ['{}', '{"a":null}', '[]', '{"a":{"b":1}}', 'null']) {
    assert.match(problemOf(payload), /no field/, payload)
  }
  assert.match(problemOf('{"a":1}', { fields: ['b'] }), /no field/)
  assert.match(problemOf('hello'), /not JSON/)
  assert.match(problemOf(Buffer.from([0xff])), /not JSON/)
})

test('other payloads can become a string field', () => {
  assert.equal(fieldsOf('hello "x"', { rawField: 'payload' }), 'payload="hello \\"x\\""')
  const { line } = written({ rawField: 'payload' }, { payload: Buffer.from([0xff]) })
  assert.match(line, / payload="\/w==" /)
})

test('a number that no float holds is refused', () => {
  assert.match(problemOf('{"a":1e999}'), /the number 1e999 is out of range/)
  assert.match(problemOf(`{"a":${'9'.repeat(400)}}`), /out of range/)
  assert.equal(fieldsOf('{"a":1e-999}'), 'a=1e-999')
})

test('a refused message leaves nothing behind', () => {
  const out = new GrowingBuffer()
  const writer = new LineWriter(out, RULES)
  const origin = { channel: 'c', logId: 'l' }
  writer.write(origin, makeMessage(1, { payload: Buffer.from('1') }))
  const before = String(out.content())
  writer.write(origin, makeMessage(2, { payload: Buffer.from('{"a":1,"b":1e999}') }))
  assert.equal(String(out.content()), before)
})
