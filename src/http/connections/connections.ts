/**
 * The open connections of the HTTP server. They share the places that there are: an address may hold
 * a part of what is free. When it asks for more, it pays with a connection that does nothing. So
 * there is always a place for one more request, such as one for `/health`:
 *
 *     idle, or half a request ──▶ a waiting long poll ──▶ an answer that is not read
 *     └─ closed first                                     closed last ─┘
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type TLSSocket, Server as TlsServer } from 'node:tls'
import { addressed } from '../../named-files/server-tls.ts'
import { addressGroup } from '../../sources/mqtt-server/limits/address.ts'
import { keyOf, remoteOf } from '../../sources/mqtt-server/limits/connection-limits.ts'
import { LoopTurns } from '../../sources/mqtt-server/limits/loop-turns.ts'
import { AddressShares } from './address-shares.ts'
import { ReadInPieces } from './read-in-pieces.ts'

const MAX_CONNECTIONS = 256
/** What one address alone may hold of them. */
const MAX_OF_ONE_ADDRESS = 64
/** Enough for every body that is read. */
const MAX_PENDING_BYTES = 96 * 1024
const SWEEP_MS = 1_000
/** An answer of which its client takes nothing for this long ends with its connection. */
const STALL_MS = 10_000
/** The longest time for an answer to be read. */
const ANSWER_MS = 60_000

export interface ConnectionsOptions {
  readonly isPolling: (response: ServerResponse) => boolean
  readonly sweepMs?: number
  readonly stallMs?: number
  readonly answerMs?: number
}

interface Connection {
  /** During a TLS handshake the one below TLS, then the one that carries the requests. */
  socket: Socket
  readonly address: string
  /** The response that is not sent completely. */
  response: ServerResponse | undefined
  /** When it became idle, took its request, or its client took bytes of the answer. */
  since: number
  /** When the head of the answer was first seen to be sent. */
  sendingSince: number | undefined
  /** Bytes that the operating system had taken at `since`. */
  sentBytes: number
  /** What came after the request's first piece and before its answer. */
  pendingBytes: number
  /** What a route has announced of its request's body, and has not come yet. */
  bodyBytes: number
  /** Whether the answer may wait for its parts, and be read for longer than others. */
  isLongAnswer: boolean
  /** The answer ends if its client takes nothing of it for this long. */
  stallMs: number
  input: ReadInPieces | undefined
  /** True after a request that came too early: the connection ends with the answer to it. */
  isEnding: boolean
}

export class Connections {
  readonly #options: ConnectionsOptions
  readonly #places: AddressShares
  /** What is read of all clients in a turn of the event loop. */
  readonly #turns = new LoopTurns()
  readonly #bySocket = new Map<Socket, Connection>()
  /** Connections whose TLS handshake is not over, by `keyOf`. */
  readonly #inHandshake = new Map<string, Connection>()
  #sweeping: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ConnectionsOptions) {
    this.#options = options
    this.#places = new AddressShares(MAX_CONNECTIONS, MAX_OF_ONE_ADDRESS)
  }

  get count(): number {
    return this.#bySocket.size
  }

  /** Watches the connections of `server`; to be called before its first one. */
  watch(server: Server): void {
    if (!(server instanceof TlsServer)) {
      server.on('connection', (socket: Socket) => {
        const connection = this.#add(socket)
        if (connection !== undefined) this.#readFrom(connection)
      })
      return
    }
    server.on('connection', (socket: Socket) => this.#beginHandshake(socket))
    server.on('secureConnection', (socket: TLSSocket) => this.#endHandshake(socket))
  }

  /** The client of a connection whose handshake has failed, for logs. */
  remoteOf(socket: TLSSocket): string {
    return remoteOf(addressed(socket))
  }

  /**
   * Ends connections in a TLS handshake, which Node's `closeAllConnections` does not know, and all
   * that come from now on.
   */
  close(): void {
    this.#isClosed = true
    for (const connection of [...this.#inHandshake.values()]) this.#end(connection)
    this.#stopSweeping()
  }

  /**
   * Notes that a request came. False if it is not to be served, because the connection still has one
   * to be answered: a connection has one request at a time.
   */
  began({ socket }: IncomingMessage, response: ServerResponse): boolean {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) return true
    if (connection.response !== undefined) {
      if (!connection.isEnding) refusePipelining(response)
      connection.isEnding = true
      return false
    }
    connection.response = response
    connection.since = performance.now()
    connection.sendingSince = undefined
    connection.pendingBytes = 0
    connection.bodyBytes = 0
    connection.isLongAnswer = false
    connection.stallMs = this.#stallMs
    response.once('close', () => {
      connection.response = undefined
      connection.input?.goOn()
      connection.since = performance.now()
    })
    return true
  }

  /** The body of the request under way has `bytes`, for which the caller has room. */
  expectBody(socket: Socket, bytes: number): void {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) return
    connection.bodyBytes = bytes
    connection.input?.goOn()
  }

  /** The answer under way may come slowly, and take longer than others to be read. */
  expectLongAnswer(socket: Socket, stallMs = this.#stallMs): void {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) return
    connection.isLongAnswer = true
    connection.stallMs = stallMs
  }

  get #stallMs(): number {
    return this.#options.stallMs ?? STALL_MS
  }

  /** TLS has two sockets with the same addresses, one upon the other. */
  #beginHandshake(socket: Socket): void {
    const connection = this.#add(socket)
    if (connection === undefined) return
    // The client has left: nothing tells this socket from others.
    if (socket.remoteAddress === undefined) {
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    this.#inHandshake.set(key, connection)
    socket.once('close', () => {
      if (this.#inHandshake.get(key) === connection) this.#inHandshake.delete(key)
    })
  }

  #endHandshake(socket: TLSSocket): void {
    const key = keyOf(socket)
    const connection = this.#inHandshake.get(key)
    this.#inHandshake.delete(key)
    if (this.#isClosed || connection === undefined || !this.#bySocket.delete(connection.socket)) {
      socket.destroy()
      return
    }
    connection.socket = socket
    connection.since = performance.now()
    this.#bySocket.set(socket, connection)
    this.#readFrom(connection)
    socket.once('close', () => this.#remove(connection))
  }

  #readFrom(connection: Connection): void {
    connection.input = new ReadInPieces(connection.socket, {
      turns: this.#turns,
      mayRead: (bytes) => mayRead(connection, bytes),
      bodyBytes: () => connection.bodyBytes,
    })
  }

  /** Undefined if there is no place for it. */
  #add(socket: Socket): Connection | undefined {
    const address = addressGroup(socket.remoteAddress ?? '')
    if (this.#isClosed || !this.#makePlace(address)) {
      socket.destroy()
      return undefined
    }
    const connection: Connection = {
      socket,
      address,
      response: undefined,
      since: performance.now(),
      sendingSince: undefined,
      sentBytes: 0,
      pendingBytes: 0,
      bodyBytes: 0,
      isLongAnswer: false,
      stallMs: this.#stallMs,
      input: undefined,
      isEnding: false,
    }
    this.#bySocket.set(socket, connection)
    this.#places.take(address)
    socket.once('close', () => this.#remove(connection))
    this.#sweeping ??= setInterval(() => this.#sweep(), this.#options.sweepMs ?? SWEEP_MS).unref()
    return connection
  }

  /** Once for each connection, also when it is closed for another one. */
  #remove(connection: Connection): void {
    if (!this.#bySocket.delete(connection.socket)) return
    this.#places.release(connection.address)
    if (this.#bySocket.size === 0) this.#stopSweeping()
  }

  #stopSweeping(): void {
    clearInterval(this.#sweeping)
    this.#sweeping = undefined
  }

  #makePlace(address: string): boolean {
    if (this.#places.allows(address)) return true
    const victim = this.#leastUseful(this.#places.payer(address))
    if (victim === undefined) return false
    this.#end(victim)
    return true
  }

  #leastUseful(address: string): Connection | undefined {
    let found: Connection | undefined
    let foundRank = Number.POSITIVE_INFINITY
    for (const connection of this.#bySocket.values()) {
      if (connection.address !== address) continue
      const rank = this.#rank(connection)
      if (rank === undefined || rank > foundRank) continue
      if (rank === foundRank && found !== undefined && connection.since >= found.since) continue
      found = connection
      foundRank = rank
    }
    return found
  }

  /** The lower, the sooner it is closed for another one; undefined if it is being served. */
  #rank(connection: Connection): number | undefined {
    const { response } = connection
    if (response === undefined) return 0
    if (this.#options.isPolling(response)) return 1
    this.#look(connection)
    const isStalled = response.headersSent && performance.now() - connection.since >= SWEEP_MS
    return isStalled ? 2 : undefined
  }

  #sweep(): void {
    const now = performance.now()
    const { answerMs = ANSWER_MS } = this.#options
    for (const connection of [...this.#bySocket.values()]) {
      const { response } = connection
      if (response === undefined || !response.headersSent) continue
      this.#look(connection)
      const { since, sendingSince = now, isLongAnswer, stallMs } = connection
      const isTooLong = !isLongAnswer && now - sendingSince >= answerMs
      if (now - since >= stallMs || isTooLong) this.#end(connection)
    }
  }

  /** Notes whether the client took bytes of the answer. */
  #look(connection: Connection): void {
    const { socket, response } = connection
    if (response?.headersSent !== true) return
    const now = performance.now()
    const sentBytes = socket.bytesWritten - socket.writableLength
    // Nothing is there to be taken.
    const isWaiting = connection.isLongAnswer && socket.writableLength === 0
    const hasTaken = sentBytes !== connection.sentBytes
    if (connection.sendingSince === undefined || hasTaken || isWaiting) {
      connection.sendingSince ??= now
      connection.sentBytes = sentBytes
      connection.since = now
    }
  }

  #end(connection: Connection): void {
    connection.socket.destroy()
    this.#remove(connection)
  }
}

/** Nothing after a request that came too early, and a bounded part of a body that is not awaited. */
function mayRead(connection: Connection, bytes: number): boolean {
  if (connection.isEnding) return false
  if (connection.response === undefined) return true
  const expected = Math.min(bytes, connection.bodyBytes)
  connection.bodyBytes -= expected
  if (connection.pendingBytes + bytes - expected > MAX_PENDING_BYTES) return false
  connection.pendingBytes += bytes - expected
  return true
}

/** The answer to the second request; further ones get none, as the connection ends with it. */
function refusePipelining(response: ServerResponse): void {
  response.shouldKeepAlive = false
  response.writeHead(503, { 'content-type': 'application/json; charset=utf-8' })
  const message = 'Send one request at a time: the next one after the answer to the one before.'
  response.end(JSON.stringify({ error: 'TooManyRequests', message }))
}
