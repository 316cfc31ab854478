/** Subscriptions of an MQTT client: refused, overlapping, shared, retained. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startMosquitto } from '../../../support/mqtt/mosquitto.ts'
import { publication, ScriptedBroker } from '../../../support/mqtt/scripted-broker.ts'
import { device, ready, startSource } from '../../../support/mqtt/source-on-broker.ts'
import { skipWithout } from '../../../support/processes/real-peers.ts'

const skip = skipWithout('mosquitto', 'mosquitto_pub')

test('a subscription that the broker refuses is reported and requested again, and the others work', async (t) => {
  const broker = new ScriptedBroker(['secret/#'])
  await broker.start(t)

  const under = await startSource(t, { url: broker.url }, ['in/#', 'secret/#'])
  const { error } = await under.reports.first('retried')
  broker.send(publication({ payload: 'allowed' }))
  await under.intake.taken(1)
  assert.equal(error?.code, 'SubscriptionRefused')
  assert.match(error?.message ?? '', /"secret\/#"/)
  assert.equal(under.source.connectionState.isReady, false)
  broker.refused.clear()
  await under.reports.first('recovered')

  assert.deepEqual(broker.asked, ['in/#', 'secret/#', 'secret/#'])
  assert.equal(under.source.connectionState.isReady, true)
})

test('overlapping filters deliver a message once, even if the broker sends one per subscription', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t, {
    config: ['allow_anonymous true', 'allow_duplicate_messages true'],
  })
  const under = await startSource(t, { url: broker.url }, ['in/#', 'in/pump', 'in/+', 'in/#'])
  await ready(under)
  const pump = await device(t, broker.url)

  await pump.publishAsync('in/pump', 'once', { qos: 1 })
  await pump.publishAsync('in/end', 'end', { qos: 1 })
  await under.intake.taken(2)

  assert.deepEqual(under.intake.payloads, ['once', 'end'])
})

test('MQTT 5: filters that overlap in part deliver a message once, and two equal messages twice', {
  skip,
}, async (t) => {
  // By default mosquitto sends an MQTT 5 client one copy for each subscription.
  const broker = await startMosquitto(t)
  const filters = ['in/+/c', 'in/b/#', 'in/b/c/d']
  const under = await startSource(t, { url: broker.url, protocolVersion: 5, qos: 2 }, filters)
  await ready(under)
  const pump = await device(t, broker.url)

  for (const [index, qos] of ([0, 1, 2, 1, 1] as const).entries()) {
    await pump.publishAsync('in/b/c', index > 2 ? 'again' : `qos ${qos}`, { qos })
  }
  await pump.publishAsync('in/a/c', 'first', { qos: 1 })
  await pump.publishAsync('in/b/x', 'second', { qos: 1 })
  const expected = ['qos 0', 'qos 1', 'qos 2', 'again', 'again', 'first', 'second']
  await under.intake.taken(expected.length)
  await pump.publishAsync('in/b/x', 'end', { qos: 1 })
  await under.intake.taken(expected.length + 1)

  assert.deepEqual(under.intake.payloads, [...expected, 'end'])
  const sent = broker.log.match(/Sending PUBLISH to iot-analytics/g)?.length ?? 0
  assert.ok(sent > expected.length + 1, `${sent} were sent, copies among them`)
})

test('two connectors of one group share the messages', { skip }, async (t) => {
  const broker = await startMosquitto(t)
  const settings = { url: broker.url, shareGroup: 'line1', protocolVersion: 5 }
  const one = await startSource(t, settings)
  const two = await startSource(t, settings)
  await Promise.all([ready(one), ready(two)])
  const pump = await device(t, broker.url)

  for (let n = 0; n < 20; n++) await pump.publishAsync('in/pump', `m${n}`, { qos: 1 })
  while (one.intake.messages.length + two.intake.messages.length < 20) {
    await Promise.race([
      one.intake.taken(one.intake.messages.length + 1),
      two.intake.taken(two.intake.messages.length + 1),
    ])
  }

  const all = [...one.intake.payloads, ...two.intake.payloads]
  assert.equal(new Set(all).size, 20)
  assert.ok(one.intake.messages.length > 0 && two.intake.messages.length > 0)
})

test('retained messages of the broker are not taken in unless that is configured', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const pump = await device(t, broker.url)
  await pump.publishAsync('in/pump', 'old', { qos: 1, retain: true })

  const ignoring = await startSource(t, { url: broker.url })
  const taking = await startSource(t, { url: broker.url, retained: 'take' })
  await Promise.all([ready(ignoring), ready(taking)])
  await pump.publishAsync('in/pump', 'live', { qos: 1, retain: true })
  await Promise.all([ignoring.intake.taken(1), taking.intake.taken(2)])

  assert.deepEqual(ignoring.intake.payloads, ['live'])
  assert.deepEqual(taking.intake.payloads, ['old', 'live'])
})

test('a broker that grants a lower QoS is reported as a problem, while messages come in', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t, { config: ['allow_anonymous true', 'max_qos 0'] })

  const under = await startSource(t, { url: broker.url })
  await ready(under)

  assert.match(under.source.connectionState.problem ?? '', /less than QoS 1 for in\/#/)
})
