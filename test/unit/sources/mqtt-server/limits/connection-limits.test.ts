/** Connections in number: what strangers and single addresses can take, and what stays for others. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { ConnectionLimits } from '../../../../../src/sources/mqtt-server/limits/connection-limits.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress = '192.0.2.1'
  readonly localPort = 1883
  destroyed = false

  constructor(address: string, port: number) {
    super()
    this.remoteAddress = address
    this.remotePort = port
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.emit('close')
  }
}

function limitsOf({ isOpenToOthers = true, maxConnections = 1_000 } = {}) {
  const refusals: string[] = []
  let port = 0
  const limits = new ConnectionLimits({
    limits: { maxConnections, maxConnectionsPerAddress: 200, maxConnectsPerSecond: 10_000 },
    clock: new ManualClock(),
    isOpenToOthers,
    onRefused: (_remote, reason) => refusals.push(reason),
  })
  /** Returns the socket if the connection may stay. */
  const accept = (address: string): Socket | undefined => {
    const socket = new FakeSocket(address, ++port) as unknown as Socket
    return limits.admit(socket) ? socket : undefined
  }
  /** How many connections of `count` from an address may stay; the clients are let in at once. */
  const connect = (address: string, count: number): number => {
    const sockets = Array.from({ length: count }, () => accept(address))
    const stay = sockets.filter((socket) => socket !== undefined)
    return stay.length
  }
  const connectIn = (address: string, count: number): number => {
    let stay = 0
    for (let i = 0; i < count; i++) {
      const socket = accept(address)
      if (socket === undefined) continue
      limits.connected(socket)
      stay++
    }
    return stay
  }
  return { limits, accept, connect, connectIn, refusals }
}

test('clients that have not been let in take half of all connections at most, and never those of a new address', () => {
  const { limits, connect, connectIn, refusals } = limitsOf({ maxConnections: 10_000 })

  let strangers = 0
  for (let i = 0; i < 100; i++) strangers += connect(`198.51.100.${i}`, 200)

  assert.ok(strangers > 3_000 && strangers < 5_000, `${strangers} strangers`)
  assert.equal(limits.sockets.size, strangers)
  assert.match(refusals[0] ?? '', /wait for CONNECT \(limits\.maxConnections\)/)
  assert.equal(connectIn('203.0.113.7', 200), 200)
})

test('loopback, all of it together, leaves connections for other addresses', () => {
  const { connectIn, refusals } = limitsOf()

  assert.equal(connectIn('127.0.0.1', 500) + connectIn('::1', 1_000), 900)
  assert.match(refusals.at(-1) ?? '', /kept for other addresses than loopback/)
  assert.equal(connectIn('203.0.113.7', 60), 60)
})

test('a server that only loopback can reach keeps no connections for others', () => {
  const { connectIn } = limitsOf({ isOpenToOthers: false })

  assert.equal(connectIn('127.0.0.1', 1_100), 1_000)
})

test('a connection that ends, before or after its client was let in, makes room for another', () => {
  const { limits, accept, connectIn } = limitsOf()
  for (let round = 0; round < 20; round++) {
    const sockets = Array.from({ length: 50 }, () => accept('203.0.113.7'))
    for (const socket of sockets.slice(25)) if (socket !== undefined) limits.connected(socket)
    assert.equal(sockets.filter((socket) => socket === undefined).length, 0)
    for (const socket of sockets) socket?.destroy()
  }

  assert.equal(limits.sockets.size, 0)
  assert.equal(connectIn('203.0.113.7', 300), 200)
})

test('a connection from a proxy counts to its client as soon as that is known', () => {
  const { limits, refusals } = limitsOf()
  const identify = (port: number) => {
    const socket = new FakeSocket('127.0.0.1', port) as unknown as Socket
    const peer = { address: '127.0.0.1', remote: '127.0.0.1:5' }
    const isIn = limits.admitProxy(socket) && limits.identify(socket, peer)
    if (isIn) limits.connected(socket)
    return isIn && limits.peerOf(socket) === peer
  }

  const stay = Array.from({ length: 300 }, (_, index) => identify(index)).filter(Boolean).length

  assert.equal(stay, 200)
  assert.match(refusals[0] ?? '', /limits\.maxConnectionsPerAddress/)
})
