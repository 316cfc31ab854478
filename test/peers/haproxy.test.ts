/** HAProxy in front of the server: it reports clients with both versions of the PROXY protocol. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { temporaryFile } from '../support/disk/temporary-file.ts'
import { startServer } from '../support/mqtt/mqtt-server-under-test.ts'
import { connectPacket, MqttWire } from '../support/mqtt/mqtt-wire.ts'
import { commandOf, skipWithout } from '../support/processes/real-peers.ts'
import { until } from '../support/until.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Starts HAProxy, which passes connections on with this option. Returns its port. */
async function startProxy(t: TestContext, serverPort: number, option: string): Promise<number> {
  const port = await freePort()
  const config = `
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen mqtt
  bind 127.0.0.1:${port}
  server connector 127.0.0.1:${serverPort} ${option}
`
  const file = await temporaryFile(t, 'haproxy.cfg', config)
  const child = spawn(commandOf('haproxy'), ['-db', '-f', file], { stdio: 'ignore' })
  t.after(() => child.kill())
  await until('HAProxy listens', async () => {
    const socket = connect({ port, host: '127.0.0.1' })
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    })
    socket.destroy()
    return isOpen
  })
  return port
}

for (const option of [
  'send-proxy',
  'send-proxy-v2',
  'send-proxy-v2 check inter 50 check-send-proxy',
]) {
  test(`clients that come through HAProxy with ${option} are let in, and reported with their own address`, {
    skip: skipWithout('haproxy'),
  }, async (t) => {
    const refusals: string[] = []
    const { port } = await startServer(t, {
      options: { allowAnonymous: true, proxy: {} },
      observer: { clientRefused: (_source, remote) => refusals.push(remote) },
      limits: { maxClientIdBytes: 5 },
    })
    const proxyPort = await startProxy(t, port, option)
    refusals.length = 0

    const client = await MqttWire.open(t, proxyPort)
    assert.equal(await client.send(connectPacket({ clientId: 'short' })).nextHex(), '20020000')
    const refused = await MqttWire.open(t, proxyPort)
    const remote = `127.0.0.1:${refused.socket.localPort}`
    assert.equal(await refused.send(connectPacket({ clientId: 'too long' })).nextHex(), '20020002')

    assert.deepEqual(refusals, [remote])
    assert.deepEqual(await client.untilPong(), [])
  })
}
