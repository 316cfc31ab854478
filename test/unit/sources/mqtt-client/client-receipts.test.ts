/** Receipts that an MQTT client publishes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startMosquitto } from '../../../support/mqtt/mosquitto.ts'
import { STATUS_TOPIC } from '../../../support/mqtt/mqtt-server-under-test.ts'
import { packed } from '../../../support/mqtt/packed-payloads.ts'
import { device, nextMessage, ready, startSource } from '../../../support/mqtt/source-on-broker.ts'
import { skipWithout } from '../../../support/processes/real-peers.ts'

const skip = skipWithout('mosquitto', 'mosquitto_pub')

for (const receiptQos of [0, 1]) {
  test(`receipts go out with QoS ${receiptQos}, and the connector does not take its own in`, {
    skip,
  }, async (t) => {
    const broker = await startMosquitto(t)
    const under = await startSource(t, { url: broker.url, receiptQos }, ['#'])
    await ready(under)
    const pump = await device(t, broker.url)
    await pump.subscribeAsync(STATUS_TOPIC, { qos: 1 })
    const got: string[] = []
    const all = new Promise<void>((resolve) => {
      pump.on('message', (_topic, payload) => {
        if (got.push(payload.toString()) === 3) resolve()
      })
    })

    assert.ok(under.source.outlet.hasListeners(STATUS_TOPIC))
    under.source.outlet.publish(STATUS_TOPIC, packed('{"a":1}', '{"b":2}'))
    under.source.outlet.publish(STATUS_TOPIC, packed('{"c":3}'))
    await all

    assert.deepEqual(got, ['{"a":1}', '{"b":2}', '{"c":3}'])
    assert.deepEqual(under.intake.messages, [])
  })
}

test('receipts wait for the broker up to their bound; the rest is dropped and counted', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const under = await startSource(t, { url: broker.url, maxBufferedReceipts: 2 })
  await ready(under)
  await broker.stop()
  await under.reports.first('retried')

  under.source.outlet.publish(STATUS_TOPIC, packed('1', '2', '3'))
  const { count } = await under.reports.first('receiptsDropped')
  await broker.start()
  const pump = await device(t, broker.url, { clientId: 'pump' })
  const got: string[] = []
  pump.on('message', (_topic, payload) => got.push(payload.toString()))
  await pump.subscribeAsync(STATUS_TOPIC)
  while (got.length < 2) await nextMessage(pump)

  assert.equal(count, 1)
  assert.deepEqual(got, ['1', '2'])
})

test('MQTT 5: a sender that names a response topic gets its receipt there, with its correlation data', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const under = await startSource(t, { url: broker.url, protocolVersion: 5 }, ['#'])
  await ready(under)
  const pump = await device(t, broker.url, { protocolVersion: 5 })
  await pump.subscribeAsync('answers/pump')
  const correlationData = Buffer.from([0, 1, 0xff])
  await pump.publishAsync('in/pump', 'question', {
    qos: 1,
    properties: { responseTopic: 'answers/pump', correlationData },
  })
  await under.intake.taken(1)

  const reply = under.intake.messages[0]?.reply
  assert.ok(reply)
  const answer = nextMessage(pump)
  under.source.outlet.reply(reply, Buffer.from('{"response":{"status":"success"}}'))

  const packet = await answer
  assert.equal(packet.topic, 'answers/pump')
  assert.deepEqual(packet.properties?.correlationData, correlationData)
  assert.equal(under.intake.messages.length, 1)
})

test('a response topic that nobody may publish to does not end the connection', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const under = await startSource(t, { url: broker.url })
  await ready(under)

  for (const topic of ['', 'a/#', '+', 'a\u0000b', '$SYS/x']) {
    under.source.outlet.reply({ topic, correlation: undefined }, Buffer.from('x'))
  }
  const pump = await device(t, broker.url)
  await pump.publishAsync('in/pump', 'still here', { qos: 1 })
  await under.intake.taken(1)

  assert.equal(under.reports.list.filter(({ what }) => what === 'receiptsDropped').length, 5)
  assert.equal(under.reports.list.length, 5)
})

test('after stopIntake nothing is taken in or acknowledged, and receipts still go out', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const settings = { url: broker.url, clientId: 'connector' }
  const under = await startSource(t, settings)
  await ready(under)
  const pump = await device(t, broker.url)
  await pump.subscribeAsync(STATUS_TOPIC)

  await under.source.stopIntake()
  await pump.publishAsync('in/pump', 'too late', { qos: 1 })
  const receipt = nextMessage(pump)
  under.source.outlet.publish(STATUS_TOPIC, packed('last words'))
  assert.equal((await receipt).payload.toString(), 'last words')
  await under.source.close()
  await under.source.close()
  const next = await startSource(t, settings)
  await next.intake.taken(1)

  assert.deepEqual(under.intake.messages, [])
  assert.deepEqual(next.intake.payloads, ['too late'])
})
