import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numberAt } from '../../../dashboard/pages/channel/field-value.ts'
import {
  EMPTY_TAIL,
  MAX_SHOWN,
  matching,
  withTail,
} from '../../../dashboard/pages/channel/tail-ring.ts'
import { mqttAddress } from '../../../dashboard/pages/first-run/mqtt-address.ts'
import { keptOrder } from '../../../dashboard/parts/order/kept-order.ts'
import { prettyJson } from '../../../dashboard/parts/payload/pretty-json.ts'
import type { SourceRow } from '../../../src/http/api/shapes/overview.ts'
import { sampleMessage } from '../../browser/support/sample-data.ts'

test('rows keep their places: one that comes takes the place of one that has gone', () => {
  assert.deepEqual(keptOrder([], ['a', 'b', 'c']), ['a', 'b', 'c'])
  assert.deepEqual(keptOrder(['a', 'b', 'c'], ['c', 'b', 'a']), ['a', 'b', 'c'])
  assert.deepEqual(keptOrder(['a', 'b', 'c'], ['d', 'c', 'a']), ['a', 'd', 'c'])
  assert.deepEqual(keptOrder(['a', 'b'], ['b']), ['b'])
  assert.deepEqual(keptOrder(['a'], ['x', 'a', 'y']), ['a', 'x', 'y'])
})

test('JSON is broken into lines, and nothing else of it changes', () => {
  const text = '{"n":12345678901234567890,"a":1,"a":2,"s":"{[,:]} \\" x","e":{},"l":[1.0,[ ]]}'

  const pretty = prettyJson(text)

  assert.equal(
    pretty,
    `{
  "n": 12345678901234567890,
  "a": 1,
  "a": 2,
  "s": "{[,:]} \\" x",
  "e": {},
  "l": [
    1.0,
    []
  ]
}`,
  )
  assert.equal(prettyJson('not {json'), 'not {json')
  assert.equal(prettyJson('5'), '5')
})

test('the tail keeps a fixed number, each message once, and knows how many came', () => {
  const event = (from: number, count: number) => ({
    channel: 'a',
    from,
    next: from + count,
    skipped: 0,
    messages: Array.from({ length: count }, (_, index) => sampleMessage(0, from + index)),
  })

  let view = withTail(EMPTY_TAIL, event(0, 150))
  view = withTail(view, event(100, 150))

  assert.equal(view.messages.length, MAX_SHOWN)
  assert.equal(view.messages[0]?.offset, 50)
  assert.equal(new Set(view.messages.map(({ offset }) => offset)).size, MAX_SHOWN)
  assert.equal(view.came, 150)
  assert.equal(matching(view.messages, 'REQ249').length, 1)
})

test('fields are found by their paths, also in arrays, and never in what is inherited', () => {
  const payload = '{"motor":{"temp":[1,{"max":7}]},"text":"5"}'

  assert.equal(numberAt(payload, 'motor.temp[1].max'), 7)
  assert.equal(numberAt(payload, 'motor.temp[0]'), 1)
  assert.equal(numberAt(payload, 'text'), null)
  assert.equal(numberAt(payload, 'constructor.length'), null)
  assert.equal(numberAt('no json', 'a'), null)
  assert.equal(numberAt(undefined, 'a'), null)
})

test('the address of the MQTT server is one that can be reached from the page', () => {
  const source = (description: string): SourceRow => ({
    name: 'mqttServer',
    description,
    state: 'listening',
    since: null,
    clients: 0,
    in: 0,
  })

  assert.deepEqual(mqttAddress([source('mqtt://127.0.0.1:1884')], 'box'), {
    url: 'mqtt://127.0.0.1:1884',
    host: '127.0.0.1',
    port: '1884',
    isLocal: true,
  })
  const open = mqttAddress([source('mqtt://0.0.0.0:1883, wss://0.0.0.0:8883')], 'box.local')
  assert.equal(open?.url, 'mqtt://box.local:1883')
  assert.equal(open?.isLocal, false)
  assert.equal(mqttAddress([source('mqtt://[::1]:1883')], 'box')?.host, '[::1]')
  assert.equal(mqttAddress([], 'box'), undefined)
})
