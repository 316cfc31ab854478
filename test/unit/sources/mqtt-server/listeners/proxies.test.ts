/** Proxies in front of the server: whose address counts, and what is not believed. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { WebSocket } from 'ws'
import { mqttServerOptions } from '../../../../../src/sources/mqtt-server/options.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { type ServerParts, startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import { connectPacket, MqttWire, PINGREQ } from '../../../../support/mqtt/mqtt-wire.ts'
import { makeCertificates, skipWithoutOpenssl } from '../../../../support/processes/certificates.ts'
import { passwordFile } from '../../../../support/processes/password-file.ts'
import { until } from '../../../../support/until.ts'

type ProxyInput = NonNullable<NonNullable<ServerParts['options']>['proxy']>

async function behindProxy(t: TestContext, proxy: ProxyInput, parts: ServerParts = {}) {
  const refusals: string[] = []
  const under = await startServer(t, {
    ...parts,
    observer: { clientRefused: (_source, remote, reason) => refusals.push(`${remote} ${reason}`) },
    options: { allowAnonymous: true, webSocket: { port: 0 }, proxy, ...parts.options },
  })
  /** A connection that the proxy makes for a client; these bytes come first. */
  const wire = (...first: (Buffer | string)[]) => {
    const socket = connect({ port: under.port, host: '127.0.0.1' })
    t.after(() => socket.destroy())
    const opened = new MqttWire(socket)
    for (const bytes of first) socket.write(bytes)
    return opened
  }
  return { ...under, refusals, wire }
}

function line(address: string): string {
  return `PROXY TCP4 ${address} 192.0.2.1 50000 1883\r\n`
}

test('behind a proxy, limits apply to the addresses of clients, also to that of this machine', async (t) => {
  const { wire, refusals } = await behindProxy(
    t,
    {},
    { options: { limits: { maxConnectionsPerAddress: 2 } } },
  )
  const knock = (address: string, clientId: string) =>
    wire(Buffer.concat([Buffer.from(line(address)), connectPacket({ clientId })])).next()

  for (const address of ['203.0.113.7', '127.0.0.1']) {
    for (const clientId of ['a', 'b']) {
      assert.equal((await knock(address, `${address}${clientId}`))?.[3], 0)
    }
    assert.equal(await knock(address, 'c'), undefined)
  }

  assert.equal((await knock('203.0.113.8', 'd'))?.[3], 0)
  assert.equal(refusals.length, 2)
  assert.match(refusals[0] ?? '', /^203\.0\.113\.7:50000 too many connections from one address/)
})

test('behind a proxy, wrong passwords count against the client’s address and lock out no other', async (t) => {
  const file = await passwordFile(t, { pump: 'p' })
  const { wire } = await behindProxy(
    t,
    {},
    { options: { passwordFile: file, limits: { maxFailuresPerMinute: 2 } } },
  )
  const knock = async (address: string, password: string) => {
    const connack = await wire(line(address), connectPacket({ userName: 'pump', password })).next()
    return connack?.[3]
  }

  const codes: (number | undefined)[] = []
  for (const password of ['1', '2', 'p']) codes.push(await knock('203.0.113.7', password))

  assert.deepEqual([...codes, await knock('203.0.113.8', 'p')], [4, 4, 3, 0])
})

test('a header may come in pieces or with the first packets, and bytes behind it are not lost', async (t) => {
  const { wire } = await behindProxy(t, {})
  const slow = wire()
  for (const character of line('203.0.113.7')) {
    slow.send(Buffer.from(character))
    await new Promise(setImmediate)
  }
  slow.send(connectPacket({ clientId: 'slow' }))

  assert.equal(await slow.nextHex(), '20020000')
  const fast = wire(
    Buffer.concat([Buffer.from(line('203.0.113.7')), connectPacket({ clientId: 'fast' }), PINGREQ]),
  )
  assert.deepEqual([await fast.nextHex(), await fast.nextHex()], ['20020000', 'd000'])
})

test('a connection without a header, with a wrong one or with none in time is closed, and the log says why', async (t) => {
  const clock = new ManualClock()
  const { wire, refusals, server } = await behindProxy(t, {}, { clock })
  const wrong = [
    wire(connectPacket()),
    wire('PROXY TCP4 a b c d\r\n'),
    wire(`PROXY ${'x'.repeat(200)}`),
  ]
  for (const one of wrong) assert.deepEqual(await one.untilClosed(), [])
  const silent = wire('PROXY TC')
  const web = connect({ port: server.portOf('ws'), host: '127.0.0.1' })
  t.after(() => web.destroy())
  web.write('GET /mqtt HTTP/1.1\r\n\r\n')
  await once(web.resume(), 'close')
  await until('the deadline is set', () => clock.pendingCalls > 1)

  clock.advance(5_000)
  await silent.untilClosed()

  assert.equal(refusals.length, 5)
  assert.match(
    refusals[0] ?? '',
    /^127\.0\.0\.1:\d+ expected a PROXY protocol header, got bytes that/,
  )
  assert.match(refusals[4] ?? '', /sent no PROXY protocol header in time$/)
})

test('a header from an address that is not a proxy’s is not believed', async (t) => {
  const { wire, refusals } = await behindProxy(t, { trusted: ['192.0.2.0/24'] })

  assert.deepEqual(await wire(line('203.0.113.7'), connectPacket()).untilClosed(), [])
  assert.match(refusals[0] ?? '', /^127\.0\.0\.1:\d+ .*its address is not in proxy\.trusted/)
})

test('ports that are not listed take clients as they are', async (t) => {
  const { client } = await behindProxy(t, { ports: ['tls'] })

  await client()
})

test('on the TLS port the header comes before the handshake', {
  skip: skipWithoutOpenssl,
}, async (t) => {
  const certificates = makeCertificates(t)
  const tls = {
    port: 0,
    cert: certificates.path('broker.crt'),
    key: certificates.path('broker.key'),
  }
  const { server, refusals } = await behindProxy(
    t,
    {},
    { options: { tls, limits: { maxConnectionsPerAddress: 1 } } },
  )
  const secure = async (address: string) => {
    const raw = connect({ port: server.portOf('mqtts'), host: '127.0.0.1' })
    t.after(() => raw.destroy())
    raw.write(line(address))
    const socket = connectTls({
      socket: raw,
      ca: readFileSync(certificates.path('ca.crt')),
      host: '127.0.0.1',
    })
    const wire = new MqttWire(socket)
    await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]).catch(
      () => undefined,
    )
    return wire
  }

  const one = await secure('203.0.113.7')
  assert.equal(await one.send(connectPacket({ clientId: 'a' })).nextHex(), '20020000')
  const second = await secure('203.0.113.7')
  assert.deepEqual(await second.untilClosed(), [])
  const other = await secure('203.0.113.8')
  assert.equal(await other.send(connectPacket({ clientId: 'b' })).nextHex(), '20020000')
  assert.match(refusals[0] ?? '', /^203\.0\.113\.7:50000 too many/)
})

async function webSocket(port: number, forwardedFor: string | undefined): Promise<number> {
  const headers = forwardedFor === undefined ? {} : { 'X-Forwarded-For': forwardedFor }
  const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt', { headers })
  return new Promise<number>((resolve) => {
    socket.on('error', () => resolve(0))
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    socket.on('open', () => resolve(101))
  })
}

test('with forwardedFor, the last address that is no proxy’s counts; what the client wrote before it does not', async (t) => {
  const { server, refusals } = await behindProxy(
    t,
    { forwardedFor: true, trusted: ['127.0.0.1', '10.0.0.0/8'] },
    { options: { limits: { maxConnectionsPerAddress: 1 } } },
  )
  const ws = server.portOf('ws')

  assert.equal(await webSocket(ws, '198.51.100.1, 203.0.113.7'), 101)
  assert.equal(await webSocket(ws, '198.51.100.2, 203.0.113.7, 10.1.2.3'), 0)
  assert.equal(await webSocket(ws, '203.0.113.8'), 101)
  for (const wrong of [undefined, '', 'unknown', '203.0.113.9, x']) {
    assert.equal(await webSocket(ws, wrong), 400)
  }
  assert.match(refusals[0] ?? '', /^203\.0\.113\.7 too many connections from one address/)
  assert.match(refusals[1] ?? '', /its proxy named no client in X-Forwarded-For/)
})

test('a proxy without users, certificates or allowAnonymous is refused, since it lets others reach the server', async (t) => {
  await assert.rejects(startServer(t, { options: { proxy: {} } }), {
    code: 'InvalidConfiguration',
    message: /sources\.mqttServer\.proxy: clients of other machines can come/,
  })
})

test('trusted takes addresses and networks, and says so about anything else', () => {
  for (const trusted of ['localhost', '10.0.0.0/33', '10.0.0/8', '::1/129', '1.2.3.4/8/8']) {
    const { error } = mqttServerOptions.safeParse({ proxy: { trusted: [trusted] } })
    assert.match(error?.issues[0]?.message ?? '', /expected an IP address or a network/)
  }
  assert.equal(
    mqttServerOptions.safeParse({ proxy: { trusted: ['fd00::/8', '::1'] } }).success,
    true,
  )
})
