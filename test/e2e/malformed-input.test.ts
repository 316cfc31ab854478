/** Malformed input of every kind gets a receipt or a refused packet; the ledger stays exact. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import {
  assertLedgerAddsUp,
  mqttUrlOf,
  startConnector,
} from '../support/processes/running-connector.ts'

interface Case {
  readonly what: string
  readonly topic: string
  readonly payload: string | Buffer
  readonly error: string
  readonly says: RegExp
  readonly id?: string
}

const PUT = 'iotanalytics/channels/my_channel/messages/put'
const CASES: readonly Case[] = [
  {
    what: 'an empty payload',
    topic: PUT,
    payload: '',
    error: 'InvalidMessage',
    says: /expected JSON/,
  },
  { what: 'broken JSON', topic: PUT, payload: '{"request"', error: 'InvalidMessage', says: /JSON/ },
  { what: 'an array', topic: PUT, payload: '[]', error: 'InvalidMessage', says: /got an array/ },
  {
    what: 'no request',
    topic: PUT,
    payload: '{"id":"a"}',
    error: 'InvalidMessage',
    says: /"request" is missing/,
    id: 'a',
  },
  {
    what: 'a message that is JSON instead of a string',
    topic: PUT,
    payload: '{"request":{"message":{"temp":1}},"id":"a"}',
    error: 'InvalidMessage',
    says: /must be a string .*got an object/,
    id: 'a',
  },
  {
    what: 'an id that is a number',
    topic: PUT,
    payload: '{"request":{"message":"m"},"id":1}',
    error: 'InvalidMessage',
    says: /"id" must be a string; got the number 1/,
  },
  {
    what: 'bytes that are not UTF-8',
    topic: PUT,
    payload: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]),
    error: 'InvalidMessage',
    says: /not valid UTF-8/,
  },
  {
    what: 'a channel name with a hyphen',
    topic: 'iotanalytics/channels/my-channel/messages/put',
    payload: '{"request":{"message":"m"},"id":"a"}',
    error: 'InvalidChannelName',
    says: /"my-channel".*1 to 128/,
    id: 'a',
  },
  {
    what: 'a channel name that is reserved',
    topic: 'iotanalytics/channels/__mine/messages/binary/put',
    payload: 'm',
    error: 'InvalidChannelName',
    says: /"__mine"/,
  },
  {
    what: 'a channel name of 129 characters',
    topic: `iotanalytics/channels/${'c'.repeat(129)}/messages/put`,
    payload: 'm',
    error: 'InvalidChannelName',
    says: /1 to 128/,
  },
  {
    what: 'an empty channel name',
    topic: 'iotanalytics/channels//messages/put',
    payload: 'm',
    error: 'InvalidChannelName',
    says: /""/,
  },
  {
    what: 'a payload of one byte more than 128 KB',
    topic: 'iotanalytics/channels/my_channel/messages/binary/put',
    payload: Buffer.alloc(131_073),
    error: 'MessageTooLarge',
    says: /131073 bytes; at most 131072/,
  },
  {
    what: 'an envelope of more than 128 KB',
    topic: PUT,
    payload: JSON.stringify({ request: { message: 'm'.repeat(131_072) }, id: 'a' }),
    error: 'MessageTooLarge',
    says: /bytes; at most 131072/,
    id: 'a',
  },
]

for (const protocolVersion of [4, 5] as const) {
  test(`every malformed message gets a receipt that says what is wrong (MQTT ${protocolVersion})`, async (t) => {
    const connector = await startConnector(t, {})
    const device = await MqttDevice.connect(t, mqttUrlOf(connector), { protocolVersion })

    for (const [index, { what, topic, payload, error, says, id }] of CASES.entries()) {
      // MQTT 5 has reason codes for refused messages, which MQTT.js reports as errors; 3.1.1 has
      // none.
      const publish = device.client.publishAsync(topic, payload, { qos: 1 })
      if (protocolVersion === 5) await assert.rejects(publish, what)
      else await publish
      const receipt = (await device.receiptsUpTo(index + 1))[index]

      assert.equal(receipt?.response.status, 'fail', what)
      assert.equal(receipt?.response.error, error, what)
      assert.match(receipt?.response.error_message ?? '', says, what)
      assert.equal(receipt?.id, id, what)
    }
    assertLedgerAddsUp(connector)
    assert.equal(
      connector.ledger().reduce((sum, { delivered }) => sum + delivered, 0),
      0,
    )
  })
}

test('an id of 10 KB, an empty message and one of exactly 128 KB are accepted', async (t) => {
  const connector = await startConnector(t, {})
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))
  const longId = 'i'.repeat(10_240)

  await device.putMessage('my_channel', 'm', longId)
  await device.putMessage('my_channel', '', 'empty')
  await device.putBinary('my_channel', Buffer.alloc(0))
  await device.putBinary('my_channel', Buffer.alloc(131_072, 7))

  const receipts = await device.receiptsUpTo(4)
  assert.deepEqual(receipts.slice(0, 3), [
    { response: { status: 'success' }, id: longId },
    { response: { status: 'success' }, id: 'empty' },
    { response: { status: 'success' } },
  ])
  assert.equal(connector.ledger()[0]?.delivered, 4)
  assertLedgerAddsUp(connector)
})

test('a message on a topic that is no input is only passed on, and is not in the ledger', async (t) => {
  const connector = await startConnector(t, {})
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.client.publishAsync('some/other/topic', 'm', { qos: 1 })
  await device.client.publishAsync('iotanalytics/channels/a/messages/get', 'm', { qos: 1 })

  assert.deepEqual(connector.ledger(), [])
})

test('a topic of more than 256 bytes that is an input is refused by name', async (t) => {
  const connector = await startConnector(t, {
    parameters: { IotAnalyticsDefaultChannelName: 'my_channel' },
    inputs: ['long/#'],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector), { protocolVersion: 5 })

  await assert.rejects(device.client.publishAsync(`long/${'é'.repeat(126)}`, 'm', { qos: 1 }), /./)

  assertLedgerAddsUp(connector)
})

test('nobody but the connector publishes on the receipts’ topic', async (t) => {
  const connector = await startConnector(t, {})
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.client.publishAsync('iotanalytics/messages/put/status', '{"forged":true}', {
    qos: 1,
  })
  await device.putMessage('my_channel', 'm', 'a')

  assert.deepEqual(await device.receiptsUpTo(1), [{ response: { status: 'success' }, id: 'a' }])
})
