import assert from 'node:assert/strict'
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import type { IPublishPacket } from 'mqtt'
import { ConnectorError } from '../../../../src/errors.ts'
import type { PackedPayloads } from '../../../../src/sources/source.ts'
import { startCuttingProxy } from '../../../support/mqtt/cutting-proxy.ts'
import { startMosquitto } from '../../../support/mqtt/mosquitto.ts'
import { STATUS_TOPIC } from '../../../support/mqtt/mqtt-server-under-test.ts'
import { ScriptedBroker } from '../../../support/mqtt/scripted-broker.ts'
import {
  clientIntake,
  device,
  nextMessage,
  ready,
  startSource,
} from '../../../support/mqtt/source-on-broker.ts'
import { commandOf, skipWithout } from '../../../support/processes/real-peers.ts'

const skip = skipWithout('mosquitto', 'mosquitto_pub')

function packed(...payloads: string[]): PackedPayloads {
  const buffers = payloads.map((payload) => Buffer.from(payload))
  let end = 0
  const ends = Uint32Array.from(buffers, ({ length }) => {
    end += length
    return end
  })
  return { count: payloads.length, bytes: Buffer.concat(buffers), ends }
}

function publication(parts: Partial<IPublishPacket>): IPublishPacket {
  const plain = { topic: 'in/pump', payload: '', qos: 0, dup: false, retain: false } as const
  return { cmd: 'publish', ...plain, ...parts }
}

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

test('what mosquitto_pub sends comes in byte for byte', { skip }, async (t) => {
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
  test(`a QoS ${qos} message is not acknowledged before it is committed: gone before, and it comes again`, {
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

test('a thousand messages are taken in before one is committed, then all acknowledged in one go', {
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
  // A round trip over the broker, behind which more would have come.
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
  // Longer than one and a half keep-alive intervals, after which either side would hang up.
  await new Promise((resolve) => setTimeout(resolve, 2500))
  assert.deepEqual(under.intake.payloads, ['one'])
  under.intake.isSaturated = false
  under.intake.commit()
  await under.intake.taken(2)

  assert.deepEqual(under.intake.payloads, ['one', 'two'])
  assert.deepEqual(under.reports.list, [])
})

test('a refused message is acknowledged; one that could not be stored comes again over a new connection', {
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
  // The turn in which the intake commits.
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
  test(`a message that can’t be stored now is not acknowledged over protocol ${protocolVersion} until it is, nor are those behind it`, async (t) => {
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

test('of a commit that failed nothing is acknowledged: the connection ends, and the broker sends it again', async (t) => {
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

test('after a restart of the broker it connects and subscribes again by itself', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const under = await startSource(t, { url: broker.url })
  await ready(under)

  await broker.stop()
  const { error } = await under.reports.first('retried')
  assert.equal(under.source.connectionState.isReady, false)
  await broker.start()
  await under.reports.first('recovered')
  const pump = await device(t, broker.url)
  await pump.publishAsync('in/pump', 'back', { qos: 1 })
  await under.intake.taken(1)

  assert.equal(error?.code, 'BrokerUnavailable')
  assert.equal(under.source.connectionState.problem, undefined)
})

test('with a client id the broker keeps messages while the connector is away', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const settings = { url: broker.url, clientId: 'connector' }
  const first = await startSource(t, settings)
  await ready(first)
  await first.source.close()
  const pump = await device(t, broker.url)
  await pump.publishAsync('in/pump', 'meanwhile', { qos: 1 })

  const second = await startSource(t, settings)
  await second.intake.taken(1)

  assert.deepEqual(second.intake.payloads, ['meanwhile'])
})

test('wrong credentials are reported with what to check, and tried again', { skip }, async (t) => {
  const broker = await startMosquitto(t, {
    config: ['allow_anonymous false', 'password_file {dir}/passwords'],
    files: { passwords: '' },
  })

  const under = await startSource(t, { url: broker.url, username: 'me', password: 'wrong' })
  const { error } = await under.reports.first('retried')

  assert.equal(error?.code, 'BrokerUnavailable')
  assert.match(error?.message ?? '', /Not authorized; check username and password/)
  assert.match(under.source.connectionState.problem ?? '', /Not authorized/)
})

test('the password is read from its file, without the line’s end', { skip }, async (t) => {
  const broker = await startMosquitto(t, { files: { secret: 'let me in\n' } })
  spawnSync('mosquitto_passwd', ['-b', '-c', `${broker.directory}/passwords`, 'me', 'let me in'])
  await broker.stop()
  const guarded = await startMosquitto(t, {
    config: ['allow_anonymous false', `password_file ${broker.directory}/passwords`],
  })

  const under = await startSource(t, {
    url: guarded.url,
    username: 'me',
    passwordFile: `${broker.directory}/secret`,
  })
  await ready(under)

  assert.deepEqual(under.reports.list, [])
})

test('a file that cannot be read is a configuration error that names setting and file', {
  skip,
}, async (t) => {
  await assert.rejects(
    startSource(t, { url: 'mqtt://127.0.0.1:1', passwordFile: '/nowhere/secret' }),
    (error) =>
      error instanceof ConnectorError &&
      error.code === 'InvalidConfiguration' &&
      /sources\.mqttClient\.passwordFile.*\/nowhere\/secret/.test(error.message),
  )
})

test('a subscription the broker refuses is reported and asked for again, and the others work', async (t) => {
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

test('overlapping filters deliver a message once, also where the broker sends one per subscription', {
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

test('MQTT 5: filters that overlap in part deliver a message once, and the same words twice when they were said twice', {
  skip,
}, async (t) => {
  // As it comes, mosquitto sends an MQTT 5 client one copy per subscription.
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

test('what the broker retained is not taken in anew unless that is asked for', {
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

for (const receiptQos of [0, 1]) {
  test(`receipts go out with QoS ${receiptQos}, and our own do not come in`, {
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

test('receipts wait for the broker up to their bound; the rest is counted', { skip }, async (t) => {
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

test('MQTT 5: a sender that names a response topic is answered there, with its correlation data', {
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

test('a response topic nobody may publish to costs the connection nothing', { skip }, async (t) => {
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

test('the will tells others when the connector vanishes, and not when it says goodbye', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const will = { topic: 'connector/gone', payload: 'gone' }
  const under = await startSource(t, { url: broker.url, clientId: 'connector', will })
  await ready(under)
  const watcher = await device(t, broker.url)
  await watcher.subscribeAsync('connector/gone')

  const told = nextMessage(watcher)
  // A second client of the same name makes the broker cut the first one off.
  const usurper = await device(t, broker.url, { clientId: 'connector' })
  assert.equal((await told).payload.toString(), 'gone')
  await usurper.endAsync()
  await under.reports.first('recovered')
  const silence = { broken: false }
  watcher.on('message', () => {
    silence.broken = true
  })
  await under.source.close()
  await watcher.subscribeAsync('x')

  assert.equal(silence.broken, false)
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

test('a broker that goes silent is noticed by its missing answers to pings', async (t) => {
  const broker = new ScriptedBroker()
  await broker.start(t)

  const under = await startSource(t, { url: broker.url, keepAlive: 1_000 })
  const { error } = await under.reports.first('retried')

  assert.match(error?.message ?? '', /Keepalive timeout/)
})

test('a broker that is not there is tried again until it is, and a source may be closed meanwhile', async (t) => {
  const under = await startSource(t, { url: 'mqtt://127.0.0.1:1' })

  const { error } = await under.reports.first('retried')
  under.source.outlet.publish(STATUS_TOPIC, packed('1', '2'))
  await under.source.close()

  assert.match(error?.message ?? '', /mqtt:\/\/127\.0\.0\.1:1 failed: .*ECONNREFUSED/)
  assert.equal((await under.reports.first('receiptsDropped')).count, 2)
  assert.equal(under.source.outlet.hasListeners(STATUS_TOPIC), false)
})

test('a broker that grants less than was asked for is a problem told, while messages come in', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t, { config: ['allow_anonymous true', 'max_qos 0'] })

  const under = await startSource(t, { url: broker.url })
  await ready(under)

  assert.match(under.source.connectionState.problem ?? '', /less than QoS 1 for in\/#/)
})

for (const qos of [1, 2] as const) {
  test(`no QoS ${qos} message is lost over connections that are cut, nor a receipt`, {
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

test('closing does not wait for ever for a broker that acknowledges no receipt', async (t) => {
  const broker = new ScriptedBroker()
  await broker.start(t)
  const under = await startSource(t, { url: broker.url })
  await ready(under)
  under.source.outlet.publish(STATUS_TOPIC, packed('never acknowledged'))
  await broker.next('publish')

  await under.source.close()
  await broker.ended()

  assert.equal((await under.reports.first('receiptsDropped')).count, 1)
})

test('beside a broker that answers nothing any more a source closes in time and leaves nothing that holds the process', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const broker = await startMosquitto(t)
  const program = fork(
    join(import.meta.dirname, '..', '..', '..', 'support', 'mqtt', 'source-program.js'),
    [broker.url],
  )
  t.after(() => program.kill('SIGKILL'))
  await once(program, 'message')

  broker.freeze()
  const closed = once(program, 'disconnect')
  const ended = once(program, 'exit')
  program.send('close')
  await closed
  const closedAt = performance.now()
  const [code] = await ended

  assert.equal(code, 0)
  // What MQTT.js waits for at a connect, a timer of ten seconds, would show here.
  assert.ok(performance.now() - closedAt < 8_000)
})
