/**
 * Counts connections in total and per address from the moment they are accepted, before a TLS
 * handshake, a WebSocket upgrade or a CONNECT costs anything. A connection beyond a limit is closed
 * at once.
 */

import type { Socket } from 'node:net'
import { isLoopback } from '../../../addresses.ts'
import type { Clock } from '../../../clock.ts'
import { addressGroup } from './address.ts'
import { TokenBuckets } from './token-buckets.ts'

export interface ConnectionBounds {
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxConnectsPerSecond: number
}

export interface ConnectionLimitsOptions {
  readonly limits: ConnectionBounds
  readonly clock: Clock
  readonly onRefused: (remote: string, reason: string) => void
}

const MAX_ADDRESSES = 10_000

export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions
  readonly #sockets = new Set<Socket>()
  readonly #perAddress = new Map<string, number>()
  readonly #connects: TokenBuckets

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options
    const { maxConnectsPerSecond } = options.limits
    this.#connects = new TokenBuckets({
      capacity: maxConnectsPerSecond,
      perSecond: maxConnectsPerSecond,
      maxKeys: MAX_ADDRESSES,
      nowMs: () => options.clock.monotonic(),
    })
  }

  get sockets(): ReadonlySet<Socket> {
    return this.#sockets
  }

  /** Returns whether the connection may stay. If not, it has been closed. */
  admit(socket: Socket): boolean {
    const address = socket.remoteAddress
    // The client has already disconnected.
    if (address === undefined) {
      socket.destroy()
      return false
    }
    const group = addressGroup(address)
    const isCounted = !isLoopback(address)
    const reason = this.#refusal(group, isCounted)
    if (reason !== undefined) {
      socket.destroy()
      this.#options.onRefused(`${address}:${socket.remotePort ?? 0}`, reason)
      return false
    }
    this.#sockets.add(socket)
    if (isCounted) this.#perAddress.set(group, (this.#perAddress.get(group) ?? 0) + 1)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (isCounted) this.#leave(group)
    })
    return true
  }

  #refusal(group: string, isCounted: boolean): string | undefined {
    const { limits } = this.#options
    if (this.#sockets.size >= limits.maxConnections) {
      return `there are ${limits.maxConnections} connections already (limits.maxConnections)`
    }
    if (!isCounted) return undefined
    if ((this.#perAddress.get(group) ?? 0) >= limits.maxConnectionsPerAddress) {
      return 'too many connections from one address (limits.maxConnectionsPerAddress)'
    }
    if (!this.#connects.take(group)) {
      return 'connects too often from one address (limits.maxConnectsPerSecond)'
    }
    return undefined
  }

  #leave(group: string): void {
    const left = (this.#perAddress.get(group) ?? 1) - 1
    if (left > 0) this.#perAddress.set(group, left)
    else this.#perAddress.delete(group)
  }
}
