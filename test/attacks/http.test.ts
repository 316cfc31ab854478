/** Peers of the HTTP server: slow readers, foreign pages, and all connections taken. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { attack, number } from '../support/attacks/attack.ts'
import type { Target } from '../support/attacks/target.ts'
import { publishPacket } from '../support/mqtt/mqtt-wire.ts'

/** Connections to the HTTP server that send something and read nothing. */
function silentPeers(t: TestContext, target: Target, count: number, bytes: string): Socket[] {
  const port = target.program.portOf('http')
  return Array.from({ length: count }, () => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.3' })
    socket.on('error', () => undefined)
    socket.pause()
    socket.write(bytes)
    t.after(() => socket.destroy())
    return socket
  })
}

attack('pages of messages that nobody reads hold bounded memory, however they are escaped', {
  maxGrownMb: 200,
  play: async (target, t) => {
    // Each of these characters takes six in JSON.
    const message = '\u0001'.repeat(20_000)
    const payload = JSON.stringify({ request: { message } })
    await target.flood(440, (index) =>
      publishPacket({ topic: target.attackersTopic, payload, qos: 1, id: index + 1 }),
    )
    const path = '/api/v1/channels/attacker_1/messages?limit=1000'
    silentPeers(t, target, number(6, 60), `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await setTimeout(number(1_500, 8_000))
    return undefined
  },
})

attack('beyond loopback, a request for the name of a foreign page is refused', {
  maxGrownMb: 60,
  against: ['defaults'],
  config: { http: { host: '0.0.0.0', allowAnonymous: true } },
  play: async (target) => {
    for (const path of ['/', '/ledger', '/api/v1/channels', '/metrics']) {
      const { status } = await target.get(path, { host: 'rebound.example' })
      assert.ok(status >= 400, `${path}: ${status}`)
    }
    assert.equal((await target.get('/ledger')).status, 200)
    return undefined
  },
})

attack('a peer with all connections to HTTP does not keep others from /health', {
  maxGrownMb: 60,
  isPlainInCi: true,
  play: async (target, t) => {
    silentPeers(t, target, number(300, 2_000), 'GET /health HTTP/1.1\r\nHost: local')
    await setTimeout(300)
    const startMs = performance.now()
    const { status, text } = await target.get('/health')
    assert.equal(status, 200, text)
    assert.ok(performance.now() - startMs < 1_000)
    return undefined
  },
})
