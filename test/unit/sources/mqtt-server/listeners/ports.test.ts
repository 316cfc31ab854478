/** Listeners without a server behind them: ports, their end, and files that are read again. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { z } from 'zod'
import type { ConnectorError } from '../../../../../src/errors.ts'
import { silentObserver } from '../../../../../src/observer.ts'
import {
  DEFAULT_LIMITS,
  type MqttLimits,
} from '../../../../../src/sources/mqtt-server/limits/limits.ts'
import type { Arrival } from '../../../../../src/sources/mqtt-server/listeners/listener.ts'
import { Listeners } from '../../../../../src/sources/mqtt-server/listeners/listeners.ts'
import { mqttServerOptions } from '../../../../../src/sources/mqtt-server/options.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { makeCertificates, skipWithoutOpenssl } from '../../../../support/processes/certificates.ts'

interface Settings {
  readonly options?: z.input<typeof mqttServerOptions>
  readonly limits?: Partial<MqttLimits>
}

function listenersOf(t: TestContext, { options, limits }: Settings = {}) {
  const refusals: string[] = []
  const reloads: (ConnectorError | undefined)[] = []
  const arrivals: Arrival[] = []
  const waiting: (() => void)[] = []
  const listeners = new Listeners({
    options: mqttServerOptions.parse({ port: 0, ...options }),
    limits: { ...DEFAULT_LIMITS, ...limits },
    clock: new ManualClock(),
    observer: {
      ...silentObserver,
      clientRefused: (_source, _remote, reason) => refusals.push(reason),
      filesReloaded: (_source, error) => reloads.push(error),
    },
    name: 'mqttServer',
    onReloaded: () => {},
  })
  t.after(() => {
    listeners.shut()
    listeners.destroySockets()
  })
  const open = () =>
    listeners.open((arrival) => {
      arrivals.push(arrival)
      for (const wake of waiting.splice(0)) wake()
    })
  const arrived = async (count: number) => {
    while (arrivals.length < count) await new Promise<void>((resolve) => waiting.push(resolve))
  }
  return { listeners, open, arrivals, arrived, refusals, reloads }
}

async function connected(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

test('every transport has a port and a URL of its own', async (t) => {
  const { listeners, open, arrived, arrivals } = listenersOf(t, {
    options: { webSocket: { port: 0 } },
  })

  assert.equal(listeners.portOf('mqtt'), 0)
  await open()
  const [mqtt, ws] = [listeners.portOf('mqtt'), listeners.portOf('ws')]
  const socket = await connected(t, mqtt)
  await arrived(1)

  assert.ok(mqtt > 0 && ws > 0 && mqtt !== ws)
  assert.equal(listeners.portOf('mqtts'), 0)
  assert.deepEqual(listeners.urls, [`mqtt://127.0.0.1:${mqtt}`, `ws://127.0.0.1:${ws}/mqtt`])
  assert.equal(arrivals[0]?.remote, `127.0.0.1:${socket.localPort}`)
  assert.equal(arrivals[0]?.certificateName, undefined)
})

test('a port in use is named with its setting, and no other port is left open', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const address = taken.address()
  assert.ok(typeof address === 'object' && address !== null)
  const { listeners, open } = listenersOf(t, { options: { webSocket: { port: address.port } } })

  await assert.rejects(open(), {
    code: 'AddressInUse',
    message: /sources\.mqttServer\.webSocket\.port/,
  })

  assert.equal(listeners.portOf('mqtt'), 0)
})

test('after shut nobody comes in, and open connections stay until they are destroyed', async (t) => {
  const { listeners, open, arrived } = listenersOf(t)
  await open()
  const port = listeners.portOf('mqtt')
  const socket = await connected(t, port)
  await arrived(1)

  listeners.shut()
  listeners.shut()
  const late = connect({ port, host: '127.0.0.1' })
  const [error] = await once(late, 'error')

  assert.equal(error.code, 'ECONNREFUSED')
  assert.equal(socket.destroyed, false)
  const closed = once(socket, 'close')
  listeners.destroySockets()
  await closed
})

test('a connection beyond the limit is closed before it arrives, and its reason reported', async (t) => {
  const { listeners, open, arrived, arrivals, refusals } = listenersOf(t, {
    limits: { maxConnections: 1 },
  })
  await open()
  await connected(t, listeners.portOf('mqtt'))
  await arrived(1)

  const second = await connected(t, listeners.portOf('mqtt'))
  await once(second.resume(), 'close')

  assert.equal(arrivals.length, 1)
  assert.match(refusals.join(), /limits\.maxConnections/)
})

test('reload shows a new certificate to new clients, and an invalid file changes nothing', {
  skip: skipWithoutOpenssl,
}, async (t) => {
  const certificates = makeCertificates(t)
  const [cert, key] = [certificates.path('broker.crt'), certificates.path('broker.key')]
  const { listeners, open, reloads } = listenersOf(t, { options: { tls: { port: 0, cert, key } } })
  await open()
  const serial = async () => {
    const port = listeners.portOf('mqtts')
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    t.after(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket.getPeerCertificate().serialNumber
  }
  const first = await serial()

  writeFileSync(cert, 'rubbish')
  await listeners.reload()
  const afterRubbish = await serial()
  copyFileSync(certificates.path('connector.crt'), cert)
  writeFileSync(key, readFileSync(certificates.path('connector.key')))
  await listeners.reload()
  const afterRenewal = await serial()

  assert.equal(afterRubbish, first)
  assert.notEqual(afterRenewal, first)
  assert.deepEqual(
    reloads.map((error) => error?.code),
    ['InvalidConfiguration', undefined],
  )
})
