/** Messages that an MQTT client takes in: when they are acknowledged, and when they come again. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { startCuttingProxy } from '../../../support/mqtt/cutting-proxy.ts'
import { startMosquitto } from '../../../support/mqtt/mosquitto.ts'
import { STATUS_TOPIC } from '../../../support/mqtt/mqtt-server-under-test.ts'
import { packed } from '../../../support/mqtt/packed-payloads.ts'
import { publication, ScriptedBroker } from '../../../support/mqtt/scripted-broker.ts'
import {
  clientIntake,
  device,
  nextMessage,
  ready,
  startSource,
} from '../../../support/mqtt/source-on-broker.ts'
import { commandOf, skipWithout } from '../../../support/processes/real-peers.ts'

const skip = skipWithout('mosquitto', 'mosquitto_pub')

for (const protocolVersion of [4, 5]) {
  test(`messages of QoS 0, 1 and 2 come in over protocol ${protocolVersion}, in order`, {
    skip,
  }, async (t) => {
    const broker = await startMosquitto(t)
    const under = await startSource(t, { url: broker.url, protocolVersion, qos: 2 })
    await ready(under)
    const pump = await device(t, broker.url)

    for (const qos of [0, 1, 2] as const) await pump.publishAsync('in/pump', `qos ${qos}`, { qos })
    await under.intake.taken(3)

    assert.deepEqual(under.intake.payloads, ['qos 0', 'qos 1', 'qos 2'])
    assert.equal(under.intake.messages[0]?.topic, 'in/pump')
  })
}

test('a payload from mosquitto_pub arrives byte for byte', { skip }, async (t) => {
  const broker = await startMosquitto(t)
  const under = await startSource(t, { url: broker.url })
  await ready(under)

  const { status } = spawnSync(commandOf('mosquitto_pub'), [
    ...['-h', '127.0.0.1', '-p', String(broker.port)],
    ...['-t', 'in/pump', '-q', '1', '-m', '{"temp":23.33} – ü'],
  ])

  assert.equal(status, 0)
  await under.intake.taken(1)
  assert.deepEqual(under.intake.payloads, ['{"temp":23.33} – ü'])
})

for (const qos of [1, 2] as const) {
  test(`a QoS ${qos} message is not acknowledged before its commit; if the connector stops before, the broker sends it again`, {
    skip,
  }, async (t) => {
    const broker = await startMosquitto(t)
    const settings = { url: broker.url, clientId: 'connector', qos }
    const first = await startSource(t, settings, ['in/#'], clientIntake(false))
    await ready(first)
    const pump = await device(t, broker.url)
    await pump.publishAsync('in/pump', 'precious', { qos })
    await first.intake.taken(1)
    const acknowledgement =
      qos === 1 ? 'Received PUBACK from connector' : 'Received PUBREC from connector'
    assert.ok(!broker.log.includes(acknowledgement))

    await first.source.close()
    const second = await startSource(t, settings)
    await second.intake.taken(1)

    assert.deepEqual(second.intake.payloads, ['precious'])
  })
}

test('a thousand messages are taken in before one is committed, then all are acknowledged together', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t, {
    config: ['allow_anonymous true', 'max_inflight_messages 0', 'max_queued_messages 0'],
  })
  const under = await startSource(t, { url: broker.url, maxUnacknowledged: 1000 })
  under.intake.commitsAtOnce = false
  await ready(under)
  const pump = await device(t, broker.url)

  const published = Array.from({ length: 1200 }, (_, n) =>
    pump.publishAsync('in/pump', `m${n}`, { qos: 1 }),
  )
  await Promise.all(published)
  await under.intake.taken(1000)
  // A round trip over the broker: further messages would have arrived before its end.
  await pump.subscribeAsync('x')
  assert.equal(under.intake.messages.length, 1000)
  under.intake.commit()
  await under.intake.taken(1200)

  assert.equal(under.intake.payloads.at(-1), 'm1199')
})

test('while the intake is saturated nothing is read, and the connection stays', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const under = await startSource(t, { url: broker.url, qos: 0, keepAlive: 1_000 })
  await ready(under)
  const pump = await device(t, broker.url)
  under.intake.isSaturated = true
  under.intake.commitsAtOnce = false

  await pump.publishAsync('in/pump', 'one')
  await pump.publishAsync('in/pump', 'two')
  await under.intake.taken(1)
  // Longer than one and a half keep-alive intervals, after which either side would disconnect.
  await new Promise((resolve) => setTimeout(resolve, 2500))
  assert.deepEqual(under.intake.payloads, ['one'])
  under.intake.isSaturated = false
  under.intake.commit()
  await under.intake.taken(2)

  assert.deepEqual(under.intake.payloads, ['one', 'two'])
  assert.deepEqual(under.reports.list, [])
})

test('a refused message is acknowledged; one that could not be stored comes again on a new connection', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const under = await startSource(t, { url: broker.url, clientId: 'connector', protocolVersion: 5 })
  await ready(under)
  const pump = await device(t, broker.url)

  await pump.publishAsync('in/pump', 'refuse me', { qos: 1 })
  await under.intake.refusedTimes(1)
  under.intake.commitsAtOnce = false
  await pump.publishAsync('in/pump', 'not storable', { qos: 1 })
  await under.intake.taken(1)
  under.intake.commitsAtOnce = true
  under.intake.fail({ error: 'StorageFailed', message: 'no space left' })
  await under.intake.taken(2)
  await pump.publishAsync('in/pump', 'after', { qos: 1 })
  await under.intake.taken(3)
  // In this turn the intake commits.
  await new Promise(setImmediate)
  await under.source.close()
  const again = await startSource(t, { url: broker.url, clientId: 'connector', protocolVersion: 5 })
  await ready(again)
  await pump.publishAsync('in/pump', 'next', { qos: 1 })
  await again.intake.taken(1)

  assert.deepEqual(under.intake.payloads, ['not storable', 'not storable', 'after'])
  assert.deepEqual(again.intake.payloads, ['next'])
})

for (const protocolVersion of [4, 5]) {
  test(`a message that can’t be stored now is not acknowledged over protocol ${protocolVersion} until it is stored, nor are those after it`, async (t) => {
    const broker = new ScriptedBroker()
    await broker.start(t)
    const under = await startSource(t, { url: broker.url, protocolVersion, clientId: 'connector' })
    await ready(under)
    under.intake.isFull = true

    for (const messageId of [1, 2, 3]) {
      broker.send(publication({ qos: 1, messageId, payload: `m${messageId}` }))
    }
    await under.intake.withheldTimes(4)
    const { problem, isReady } = under.source.connectionState
    const before = under.intake.messages.length
    const withheld = under.reports.list.filter(({ what }) => what === 'withheld').length
    under.intake.isFull = false
    const ids = [1, 2, 3].map(async () => (await broker.next('puback')).messageId)

    assert.deepEqual(await Promise.all(ids), [1, 2, 3])
    assert.deepEqual([before, withheld, isReady], [0, 1, true])
    assert.match(problem ?? '', /the broker keeps its messages: no room/)
    assert.equal(under.source.connectionState.problem, undefined)
    assert.deepEqual(under.intake.payloads, ['m1', 'm2', 'm3'])
  })
}

test('nothing of a failed commit is acknowledged: the connection ends, and the broker sends the messages again', async (t) => {
  const broker = new ScriptedBroker()
  broker.sessionPresent = true
  await broker.start(t)
  const under = await startSource(t, { url: broker.url, clientId: 'connector' })
  await ready(under)
  under.intake.commitsAtOnce = false

  broker.send(publication({ qos: 1, messageId: 1, payload: 'one' }))
  broker.send(publication({ qos: 2, messageId: 2, payload: 'two' }))
  await under.intake.taken(2)
  under.intake.fail({ error: 'StorageFailed', message: 'no space left' })
  const { error } = await under.reports.first('retried')
  under.intake.commitsAtOnce = true
  await under.reports.first('recovered')
  broker.send(publication({ qos: 1, messageId: 1, payload: 'one', dup: true }))
  broker.send(publication({ qos: 2, messageId: 2, payload: 'two', dup: true }))
  const [puback, pubrec] = [await broker.next('puback'), await broker.next('pubrec')]

  assert.equal(error?.code, 'StorageFailed')
  assert.deepEqual([puback.messageId, pubrec.messageId], [1, 2])
  assert.deepEqual(under.intake.payloads, ['one', 'two', 'one', 'two'])
})

test('a QoS 2 message that is sent again after a lost connection is taken in once', async (t) => {
  const broker = new ScriptedBroker()
  await broker.start(t)
  broker.sessionPresent = true
  const under = await startSource(t, { url: broker.url, clientId: 'connector', qos: 2 })
  await broker.next('subscribe')
  const message = publication({ payload: 'exactly one', qos: 2, messageId: 7 })

  broker.send(message)
  await broker.next('pubrec')
  broker.drop()
  await broker.next('subscribe')
  broker.send({ ...message, dup: true })
  assert.equal((await broker.next('pubrec')).messageId, 7)
  broker.send({ cmd: 'pubrel', messageId: 7 })
  assert.equal((await broker.next('pubcomp')).messageId, 7)
  assert.deepEqual(under.intake.payloads, ['exactly one'])
  broker.send({ ...message, payload: 'another of that id' })
  await broker.next('pubrec')

  assert.deepEqual(under.intake.payloads, ['exactly one', 'another of that id'])
})

for (const qos of [1, 2] as const) {
  test(`no QoS ${qos} message and no receipt is lost when connections are cut`, {
    skip,
  }, async (t) => {
    const broker = await startMosquitto(t, {
      config: ['allow_anonymous true', 'max_queued_messages 0', 'max_inflight_messages 0'],
    })
    const proxy = await startCuttingProxy(t, broker.port)
    const under = await startSource(t, { url: proxy.url, clientId: 'connector', qos })
    await ready(under)
    const pump = await device(t, broker.url)
    await pump.subscribeAsync(STATUS_TOPIC, { qos: 1 })
    const receipts = new Set<string>()
    pump.on('message', (_topic, payload) => receipts.add(payload.toString()))

    for (let round = 1; round <= 4; round++) {
      const sent: Promise<unknown>[] = []
      for (let n = 0; n < 100; n++) {
        sent.push(pump.publishAsync('in/pump', `${round}.${n}`, { qos }))
        under.source.outlet.publish(STATUS_TOPIC, packed(`${round}.${n}`))
      }
      if (round < 4) proxy.cut()
      await Promise.all(sent)
    }
    while (new Set(under.intake.payloads).size < 400) {
      await under.intake.taken(under.intake.messages.length + 1)
    }
    while (receipts.size < 400) await nextMessage(pump)

    assert.ok(under.reports.list.some(({ what }) => what === 'retried'))
    if (qos === 2) assert.equal(under.intake.messages.length, 400)
    await under.source.close()
  })
}
