/** Transports of the MQTT server: TLS, client certificates, WebSocket, certificates that change. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { connectAsync } from 'mqtt'
import { WebSocket } from 'ws'
import type { ConnectorError } from '../../../../../src/errors.ts'
import { type ServerParts, startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import { connectPacket, MqttWire, PINGREQ } from '../../../../support/mqtt/mqtt-wire.ts'
import {
  type Certificates,
  makeCertificates,
  skipWithoutOpenssl,
} from '../../../../support/processes/certificates.ts'
import { passwordFile } from '../../../../support/processes/password-file.ts'
import { commandOf, skipWithout } from '../../../../support/processes/real-peers.ts'

const run = promisify(execFile)
const TOPIC = 'iotanalytics/channels/c/messages/put'
const skip = skipWithoutOpenssl

function tlsOptions(certificates: Certificates, more: object = {}) {
  return {
    port: 0,
    cert: certificates.path('broker.crt'),
    key: certificates.path('broker.key'),
    ca: certificates.path('ca.crt'),
    ...more,
  }
}

/** A server with TLS, and a wire to it as a client with the given certificate would have it. */
async function withTls(
  t: TestContext,
  parts: ServerParts & { readonly tls?: object; readonly certificates?: Certificates } = {},
) {
  const certificates = parts.certificates ?? makeCertificates(t)
  const refusals: string[] = []
  const under = await startServer(t, {
    ...parts,
    observer: {
      clientRefused: (_source, _remote, reason) => refusals.push(reason),
      ...parts.observer,
    },
    options: { ...parts.options, tls: tlsOptions(certificates, parts.tls) },
  })
  const port = under.server.portOf('mqtts')
  const secureWire = async (name?: string, more: object = {}) => {
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      ca: readFileSync(certificates.path('ca.crt')),
      ...(name !== undefined && {
        cert: readFileSync(certificates.path(`${name}.crt`)),
        key: readFileSync(certificates.path(`${name}.key`)),
      }),
      ...more,
    })
    t.after(() => socket.destroy())
    const wire = new MqttWire(socket)
    await once(socket, 'secureConnect')
    return { wire, socket }
  }
  return { ...under, certificates, refusals, secureWire, securePort: port }
}

async function knock(wire: MqttWire, fields = {}): Promise<string> {
  return wire.send(connectPacket(fields)).nextHex()
}

test('mosquitto_pub speaks to it over TLS, and the plain port stays open on loopback', {
  skip: skip || skipWithout('mosquitto_pub'),
}, async (t) => {
  const { securePort, certificates, intake, client, server } = await withTls(t)

  await run(commandOf('mosquitto_pub'), [
    ...['-h', '127.0.0.1', '-p', String(securePort), '--cafile', certificates.path('ca.crt')],
    ...['-q', '1', '-t', TOPIC, '-m', 'sealed'],
  ])

  assert.deepEqual(
    intake.messages.map(({ payload }) => payload.toString()),
    ['sealed'],
  )
  await client()
  assert.match(server.description, /^mqtt:\/\/127\.0\.0\.1:\d+, mqtts:\/\/127\.0\.0\.1:\d+$/)
})

test('TLS before 1.2 is not spoken, and 1.2 only where the minimum allows it', {
  skip,
}, async (t) => {
  const { secureWire, refusals } = await withTls(t, { tls: { minVersion: 'TLSv1.3' } })
  const { secureWire: usual } = await withTls(t)

  await assert.rejects(secureWire(undefined, { maxVersion: 'TLSv1.2' }))
  assert.match(refusals[0] ?? '', /^TLS handshake failed: ERR_SSL/)
  await usual(undefined, { maxVersion: 'TLSv1.2' })
  await assert.rejects(usual(undefined, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }))
})

test('a client certificate is the user, whatever CONNECT says', { skip }, async (t) => {
  const { secureWire, wire } = await withTls(t, {
    tls: { clientCertificate: 'required' },
    options: { acl: [{ user: 'connector', publish: ['devices/%u/#'] }] },
  })
  const { wire: certified } = await secureWire('connector')
  const will = (topic: string) => ({
    will: { topic, payload: '' },
    userName: 'admin',
    password: 'x',
  })

  assert.equal(await knock(certified, will('devices/connector/will')), '20020000')
  const { wire: other } = await secureWire('connector')
  assert.equal(await knock(other, { ...will('devices/admin/will'), clientId: 'other' }), '20020005')
  // Over plain TCP, without a certificate, the client has no user name.
  assert.equal(await knock(await wire()), '20020005')
})

test('if a certificate is required, a client with none or one of another authority is refused', {
  skip,
}, async (t) => {
  const strangers = makeCertificates(t)
  const { secureWire, refusals } = await withTls(t, { tls: { clientCertificate: 'required' } })
  const stranger = {
    cert: readFileSync(strangers.path('connector.crt')),
    key: readFileSync(strangers.path('connector.key')),
  }

  for (const more of [{}, stranger]) {
    const attempt = secureWire(undefined, more).then(async ({ wire }) => knock(wire))
    assert.equal(await attempt.catch(() => ''), '')
  }
  assert.equal(refusals.length, 2)
  assert(refusals.every((reason) => reason.startsWith('TLS handshake failed')))
})

test('if it is optional, a client without one needs a password; one of another authority is still refused', {
  skip,
}, async (t) => {
  const strangers = makeCertificates(t)
  const users = await passwordFile(t, { pump: 'p' })
  const { secureWire, refusals } = await withTls(t, {
    tls: { clientCertificate: 'optional', clientName: 'alternativeName' },
    options: { passwordFile: users },
  })
  const stranger = {
    cert: readFileSync(strangers.path('broker.crt')),
    key: readFileSync(strangers.path('broker.key')),
  }

  const { wire: user } = await secureWire()
  assert.equal(await knock(user, { userName: 'pump', password: 'p' }), '20020000')
  const { wire: nobody } = await secureWire()
  assert.equal(await knock(nobody, { clientId: 'b' }), '20020005')
  const { wire: named } = await secureWire('broker')
  assert.equal(await knock(named, { clientId: 'c' }), '20020000')
  const { wire: unnamed } = await secureWire('connector')
  assert.equal(await knock(unnamed, { clientId: 'd' }), '')
  const { wire: strange } = await secureWire(undefined, stranger)
  assert.equal(await knock(strange, { clientId: 'e' }), '')
  assert.deepEqual(refusals.slice(1), [
    'its certificate has no alternativeName',
    'its certificate is not signed by an authority in tls.ca',
  ])
})

test('a renewed certificate is shown to new clients; connected ones stay; an invalid one changes nothing', {
  skip,
}, async (t) => {
  const reloads: (ConnectorError | undefined)[] = []
  const { secureWire, certificates, server } = await withTls(t, {
    observer: { filesReloaded: (_source, error) => reloads.push(error) },
  })
  const serial = (socket: TLSSocket) => socket.getPeerCertificate().serialNumber
  const { wire: early, socket: first } = await secureWire()
  await knock(early)
  const before = serial(first)

  copyFileSync(certificates.path('connector.crt'), certificates.path('broker.crt'))
  await server.reload()
  const { socket: second } = await secureWire()
  copyFileSync(certificates.path('connector.key'), certificates.path('broker.key'))
  await server.reload()
  const { socket: third } = await secureWire(undefined, { rejectUnauthorized: false })
  writeFileSync(certificates.path('broker.crt'), 'rubbish')
  await server.reload()

  assert.equal(serial(second), before)
  assert.notEqual(serial(third), before)
  assert.deepEqual(
    reloads.map((error) => error?.code),
    ['InvalidConfiguration', undefined, 'InvalidConfiguration'],
  )
  assert.equal(await early.send(PINGREQ).nextHex(), 'd000')
  await secureWire(undefined, { rejectUnauthorized: false })
})

test('a revoked certificate is refused, even if it was revoked meanwhile and its client resumes a TLS session', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  certificates.revoke([])
  const crl = certificates.path('ca.crl')
  const { server, secureWire, refusals } = await withTls(t, {
    certificates,
    tls: { clientCertificate: 'required', crl },
  })
  const { wire, socket } = await secureWire('connector', { maxVersion: 'TLSv1.2' })
  await knock(wire)
  const session = socket.getSession()
  const again = await secureWire('connector', { maxVersion: 'TLSv1.2', session })
  await knock(again.wire)

  certificates.revoke(['connector'])
  await server.reload()
  const attempt = (more = {}) =>
    secureWire('connector', more)
      .then(({ wire: revoked }) => knock(revoked))
      .catch(() => '')

  assert.equal(again.socket.isSessionReused(), true)
  for (const more of [{}, { maxVersion: 'TLSv1.2' }, { maxVersion: 'TLSv1.2', session }]) {
    assert.equal(await attempt(more), '')
  }
  assert.match(refusals[0] ?? '', /CERT_REVOKED/)
  const { wire: other } = await secureWire('broker')
  assert.equal(await knock(other, { clientId: 'other' }), '20020000')
  writeFileSync(crl, 'rubbish')
  await server.reload()
  assert.equal(await attempt(), '')
  const { wire: still } = await secureWire('broker')
  assert.equal(await knock(still, { clientId: 'still' }), '20020000')
})

test('if certificates are optional, a revoked one has a reason of its own in the log', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  certificates.revoke(['connector'])
  const { secureWire, refusals } = await withTls(t, {
    certificates,
    tls: { clientCertificate: 'optional', crl: certificates.path('ca.crl') },
  })

  const { wire: revoked } = await secureWire('connector')
  assert.equal(await knock(revoked), '')
  const { wire: other } = await secureWire('broker')
  assert.equal(await knock(other), '20020000')
  assert.deepEqual(refusals, ['its certificate has been revoked'])
})

test('a private key may have a passphrase that is read from a file', { skip }, async (t) => {
  const certificates = makeCertificates(t)
  certificates.encryptKey('broker', 'open sesame')
  const keyPassphraseFile = certificates.path('passphrase')
  const tls = { key: certificates.path('broker.encrypted.key'), keyPassphraseFile }

  writeFileSync(keyPassphraseFile, 'open sesame\n')
  const { secureWire } = await withTls(t, { certificates, tls })
  const { wire } = await secureWire()
  assert.equal(await knock(wire), '20020000')

  writeFileSync(keyPassphraseFile, 'open barley')
  await assert.rejects(withTls(t, { certificates, tls }), (error: ConnectorError) => {
    assert.equal(error.code, 'InvalidConfiguration')
    assert.match(error.message, /broker\.encrypted\.key, .*passphrase.* can’t be used together/)
    return !error.message.includes('barley')
  })
})

for (const protocolVersion of [4, 5] as const) {
  test(`MQTT.js, MQTT ${protocolVersion}, publishes and receives over ws://`, async (t) => {
    const { server, intake } = await startServer(t, { options: { webSocket: { port: 0 } } })
    const url = `ws://127.0.0.1:${server.portOf('ws')}/mqtt`
    const client = await connectAsync(url, { protocolVersion, reconnectPeriod: 0 })
    t.after(() => client.endAsync(true))
    await client.subscribeAsync('iotanalytics/#', { qos: 1 })
    const heard = new Promise<number>((resolve) => {
      let bytes = 0
      client.on('message', (_topic, payload) => {
        bytes += payload.length
        if (bytes >= 1_000 + 100_000) resolve(bytes)
      })
    })

    for (let n = 0; n < 100; n++) await client.publishAsync(TOPIC, 'x'.repeat(10), { qos: 1 })
    await client.publishAsync(TOPIC, 'x'.repeat(100_000), { qos: 2 })

    assert.equal(await heard, 101_000)
    assert.equal(intake.messages.length, 101)
    assert.match(server.description, /ws:\/\/127\.0\.0\.1:\d+\/mqtt$/)
  })
}

test('wss:// uses the certificate and the client names of tls', { skip }, async (t) => {
  const { server, certificates } = await withTls(t, {
    tls: { clientCertificate: 'required' },
    options: {
      webSocket: { port: 0, secure: true },
      acl: [{ user: 'connector', publish: ['mine'] }],
    },
  })
  const url = `wss://127.0.0.1:${server.portOf('wss')}/mqtt`
  const ca = readFileSync(certificates.path('ca.crt'))
  const mine = {
    ca,
    cert: readFileSync(certificates.path('connector.crt')),
    key: readFileSync(certificates.path('connector.key')),
  }

  const client = await connectAsync(url, { ...mine, protocolVersion: 5, reconnectPeriod: 0 })
  t.after(() => client.endAsync(true))
  await client.publishAsync('mine', 'x', { qos: 1 })
  await assert.rejects(client.publishAsync('other', 'x', { qos: 1 }), /Not authorized/)
  await assert.rejects(connectAsync(url, { ca, reconnectPeriod: 0 }))
})

test('an upgrade with another path, another protocol or from an origin that is not listed is refused', async (t) => {
  const refusals: string[] = []
  const { server } = await startServer(t, {
    observer: { clientRefused: (_source, _remote, reason) => refusals.push(reason) },
    options: { webSocket: { port: 0, path: '/door', origins: ['https://panel.example'] } },
  })
  const url = `ws://127.0.0.1:${server.portOf('ws')}`
  const status = (target: string, protocol: string, origin?: string) =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(target, protocol, origin === undefined ? {} : { origin })
      socket.on('error', () => undefined)
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
      socket.on('open', () => {
        socket.terminate()
        resolve(101)
      })
    })

  assert.equal(await status(`${url}/mqtt`, 'mqtt'), 404)
  assert.equal(await status(`${url}/door`, 'chat'), 400)
  assert.equal(await status(`${url}/door`, 'mqtt', 'https://evil.example'), 403)
  assert.equal(await status(`${url}/door`, 'mqtt', 'https://panel.example'), 101)
  assert.equal(await status(`${url}/door?x=1`, 'mqtt'), 101)
  assert.equal((await fetch(`http://127.0.0.1:${server.portOf('ws')}/door`)).status, 426)
  assert.equal(refusals.length, 3)
})

test('packets may be cut anywhere across WebSocket messages; text ends the connection', async (t) => {
  const events = new EventEmitter()
  const { server } = await startServer(t, {
    options: { webSocket: { port: 0 } },
    observer: { clientDisconnected: (_source, clientId) => events.emit('gone', clientId) },
  })
  const gone = once(events, 'gone')
  const socket = new WebSocket(`ws://127.0.0.1:${server.portOf('ws')}/mqtt`, 'mqtt')
  t.after(() => socket.terminate())
  await once(socket, 'open')
  assert.equal(socket.protocol, 'mqtt')

  for (const byte of connectPacket()) socket.send(Buffer.from([byte]))
  const [connack] = await once(socket, 'message')
  socket.send('text')
  const [code] = await once(socket, 'close')

  assert.equal(connack.toString('hex'), '20020000')
  assert.equal(code, 1003)
  await gone
})

test('listening beyond loopback without authentication is refused for each transport', async (t) => {
  for (const options of [
    { host: '0.0.0.0' },
    { webSocket: { port: 0, host: '0.0.0.0' } },
    { tls: { port: 0, host: '::', cert: 'c', key: 'k' } },
  ]) {
    await assert.rejects(startServer(t, { options }), {
      code: 'InvalidConfiguration',
      message: /allowAnonymous: true/,
    })
  }
  await startServer(t, {
    options: { host: '0.0.0.0', passwordFile: await passwordFile(t, { pump: 'p' }) },
  })
})
