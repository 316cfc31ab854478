/** Connections of an MQTT client: made, lost, made again and closed. */
import assert from 'node:assert/strict'
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConnectorError } from '../../../../src/errors.ts'
import { startMosquitto } from '../../../support/mqtt/mosquitto.ts'
import { STATUS_TOPIC } from '../../../support/mqtt/mqtt-server-under-test.ts'
import { packed } from '../../../support/mqtt/packed-payloads.ts'
import { ScriptedBroker } from '../../../support/mqtt/scripted-broker.ts'
import { device, nextMessage, ready, startSource } from '../../../support/mqtt/source-on-broker.ts'
import { skipWithout } from '../../../support/processes/real-peers.ts'

const skip = skipWithout('mosquitto', 'mosquitto_pub')

test('after a restart of the broker the connector connects and subscribes again', {
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

test('the password is read from its file, without the line end', { skip }, async (t) => {
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

test('the will is published when the connector vanishes, and not when it disconnects', {
  skip,
}, async (t) => {
  const broker = await startMosquitto(t)
  const will = { topic: 'connector/gone', payload: 'gone' }
  const under = await startSource(t, { url: broker.url, clientId: 'connector', will })
  await ready(under)
  const watcher = await device(t, broker.url)
  await watcher.subscribeAsync('connector/gone')

  const published = nextMessage(watcher)
  // A second client with the same client id makes the broker disconnect the first one.
  const usurper = await device(t, broker.url, { clientId: 'connector' })
  assert.equal((await published).payload.toString(), 'gone')
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

test('a broker that stops answering is noticed by missing answers to pings', async (t) => {
  const broker = new ScriptedBroker()
  await broker.start(t)

  const under = await startSource(t, { url: broker.url, keepAlive: 1_000 })
  const { error } = await under.reports.first('retried')

  assert.match(error?.message ?? '', /Keepalive timeout/)
})

test('an absent broker is tried again until it is back, and a source may be closed meanwhile', async (t) => {
  const under = await startSource(t, { url: 'mqtt://127.0.0.1:1' })

  const { error } = await under.reports.first('retried')
  under.source.outlet.publish(STATUS_TOPIC, packed('1', '2'))
  await under.source.close()

  assert.match(error?.message ?? '', /mqtt:\/\/127\.0\.0\.1:1 failed: .*ECONNREFUSED/)
  assert.equal((await under.reports.first('receiptsDropped')).count, 2)
  assert.equal(under.source.outlet.hasListeners(STATUS_TOPIC), false)
})

test('closing does not wait indefinitely for a broker that acknowledges no receipt', async (t) => {
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

test('with a broker that no longer answers, a source closes in time and leaves nothing that keeps the process alive', {
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
  // A timer of ten seconds that MQTT.js starts for a connection would show here.
  assert.ok(performance.now() - closedAt < 8_000)
})
