/**
 * Counts connections in total and per address from the moment they are accepted, before a TLS
 * handshake, a WebSocket upgrade or a CONNECT costs anything. A connection beyond a limit is closed
 * at once. Behind a proxy the client's address is known a little later, and counted then.
 */

import type { Socket } from 'node:net'
import { isLoopback } from '../../../addresses.ts'
import type { Clock } from '../../../clock.ts'
import { addressGroup } from './address.ts'
import { SharedBound } from './shared-bound.ts'
import { TokenBuckets } from './token-buckets.ts'

export interface ConnectionBounds {
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxConnectsPerSecond: number
}

export interface ConnectionLimitsOptions {
  readonly limits: ConnectionBounds
  readonly clock: Clock
  /** Whether clients of other machines can connect: then loopback can't take all connections. */
  readonly isOpenToOthers?: boolean
  readonly onRefused: (remote: string, reason: string) => void
}

/** The client at the other end of a connection. */
export interface Peer {
  /** Its IP address. */
  readonly address: string
  /** For logs: address and port, if they are known. */
  readonly remote: string
}

/** A socket, or what stands for it: TLS has one of its own with the same addresses. */
export type Addressed = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>

interface Place {
  peer: Peer
  group: string
  /** The client has not been let in. */
  isPending: boolean
}

/** What one address has. */
interface Held {
  connections: number
  pending: number
}

const MAX_ADDRESSES = 10_000
/**
 * Clients that have not been let in share half of all connections. With 20,000 connections one
 * address can hold 1,700, and about 200 addresses can take all they get before a new one gets none.
 */
const PENDING_SHARE = 1 / 2
const PENDING_PORTION = 1 / 4
const MIN_PENDING = 1_024
/** The part of all connections that loopback can't take. */
const KEPT_FOR_OTHERS = 1 / 10
const NOTHING: Held = { connections: 0, pending: 0 }

export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions
  readonly #sockets = new Set<Socket>()
  /** By `keyOf`. */
  readonly #places = new Map<string, Place>()
  readonly #held = new Map<string, Held>()
  readonly #pending: SharedBound
  readonly #connects: TokenBuckets

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options
    const { maxConnections, maxConnectsPerSecond } = options.limits
    const maxPending = Math.max(MIN_PENDING, Math.floor(maxConnections * PENDING_SHARE))
    this.#pending = new SharedBound(maxPending, PENDING_PORTION)
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
    if (this.#places.has(keyOf(socket))) return !socket.destroyed
    if (!this.#accept(socket)) return false
    const { remoteAddress: address = '' } = socket
    return this.#count(socket, { address, remote: remoteOf(socket) }, !isLoopback(address))
  }

  /** The same for a connection from a proxy, before it is known which client it is for. */
  admitProxy(socket: Socket): boolean {
    return this.#accept(socket)
  }

  /** The client of a connection from a proxy is known: the limits per address apply to it. */
  identify(socket: Addressed & Pick<Socket, 'destroy'>, peer: Peer): boolean {
    return this.#count(socket, peer, true)
  }

  /** The client has been let in. */
  connected(socket: Addressed): void {
    const place = this.#places.get(keyOf(socket))
    if (place?.isPending !== true) return
    this.#hold(place, -1)
    place.isPending = false
    this.#hold(place, 1)
  }

  peerOf(socket: Addressed): Peer {
    const place = this.#places.get(keyOf(socket))
    return place?.peer ?? { address: socket.remoteAddress ?? '', remote: remoteOf(socket) }
  }

  #accept(socket: Socket): boolean {
    const address = socket.remoteAddress
    // The client has already disconnected.
    if (address === undefined) {
      socket.destroy()
      return false
    }
    const { maxConnections } = this.#options.limits
    if (this.#sockets.size >= maxConnections) {
      const reason = `there are ${maxConnections} connections already (limits.maxConnections)`
      return this.#refuse(socket, remoteOf(socket), reason)
    }
    const group = groupOf(address)
    if (!this.#pending.allows(this.#heldBy(group).pending, 1)) {
      const reason = 'too many connections wait for CONNECT (limits.maxConnections)'
      return this.#refuse(socket, remoteOf(socket), reason)
    }
    const peer = { address, remote: remoteOf(socket) }
    const place: Place = { peer, group, isPending: true }
    const key = keyOf(socket)
    this.#sockets.add(socket)
    this.#places.set(key, place)
    this.#hold(place, 1)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (this.#places.get(key) === place) this.#places.delete(key)
      this.#hold(place, -1)
    })
    return true
  }

  /** Counts a connection that has been accepted to its client's address. */
  #count(socket: Addressed & Pick<Socket, 'destroy'>, peer: Peer, isCounted: boolean): boolean {
    const place = this.#places.get(keyOf(socket))
    if (place === undefined) return false
    this.#hold(place, -1)
    place.peer = peer
    place.group = isCounted ? addressGroup(peer.address) : groupOf(peer.address)
    const reason = this.#refusal(place.group, isCounted)
    this.#hold(place, 1)
    return reason === undefined || this.#refuse(socket, peer.remote, reason)
  }

  #refusal(group: string, isCounted: boolean): string | undefined {
    const { limits, isOpenToOthers } = this.#options
    const { connections, pending } = this.#heldBy(group)
    if (!isCounted) {
      const most = limits.maxConnections - Math.floor(limits.maxConnections * KEPT_FOR_OTHERS)
      return isOpenToOthers === true && connections >= most
        ? 'the last connections are kept for other addresses than loopback (limits.maxConnections)'
        : undefined
    }
    if (connections >= limits.maxConnectionsPerAddress) {
      return 'too many connections from one address (limits.maxConnectionsPerAddress)'
    }
    if (!this.#pending.allows(pending, 1)) {
      return 'too many connections from one address wait for CONNECT (limits.maxConnections)'
    }
    if (!this.#connects.take(group)) {
      return 'connects too often from one address (limits.maxConnectsPerSecond)'
    }
    return undefined
  }

  #refuse(socket: Pick<Socket, 'destroy'>, remote: string, reason: string): false {
    socket.destroy()
    this.#options.onRefused(remote, reason)
    return false
  }

  #heldBy(group: string): Held {
    return this.#held.get(group) ?? NOTHING
  }

  #hold({ group, isPending }: Place, sign: 1 | -1): void {
    let held = this.#held.get(group)
    if (held === undefined) {
      held = { connections: 0, pending: 0 }
      this.#held.set(group, held)
    }
    held.connections += sign
    if (isPending) {
      held.pending += sign
      if (sign > 0) this.#pending.take(1)
      else this.#pending.release(1)
    }
    if (held.connections === 0) this.#held.delete(group)
  }
}

export function remoteOf(socket: Addressed): string {
  return `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`
}

/** All loopback addresses are one. */
function groupOf(address: string): string {
  return isLoopback(address) ? 'loopback' : addressGroup(address)
}

/** Tells one open connection of this machine from every other. */
export function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Addressed): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
