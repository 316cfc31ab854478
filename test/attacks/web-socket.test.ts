/** WebSocket upgrades that are refused, from clients that do not go. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { attack, number } from '../support/attacks/attack.ts'

const GONE_WITHIN_MS = 4_000

attack('a client whose upgrade was refused is gone soon, whether or not it closes', {
  maxGrownMb: 60,
  config: { sources: { mqttServer: { webSocket: { port: 0 } } } },
  against: ['defaults'],
  play: async (target, t) => {
    const port = target.program.portOf('ws')
    const before = target.program.socketCount
    const count = number(60, 400)
    for (let index = 0; index < count; index++) {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      socket.on('error', () => undefined)
      socket.resume()
      t.after(() => socket.destroy())
      socket.write(
        'GET /elsewhere HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      )
    }
    await setTimeout(300)
    const untilMs = performance.now() + GONE_WITHIN_MS
    while (target.program.socketCount > before && performance.now() < untilMs) await setTimeout(50)
    assert.ok(target.program.socketCount <= before, `${target.program.socketCount - before} stay`)
    return undefined
  },
})
