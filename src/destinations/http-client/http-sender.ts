/**
 * Sends requests to one endpoint over a bounded number of kept connections. A connection carries
 * one request at a time; further requests wait in the order they came.
 */

import type { Clock, Timer } from '../../clock.ts'
import { AbortListeners } from './abort-listeners.ts'
import { type ConnectionOwner, HttpConnection } from './http-connection.ts'
import type { Answer, Request } from './http-exchange.ts'
import { Exchange, type ExchangeHolder } from './http-exchange.ts'
import { type Access, SocketOpener } from './socket-opener.ts'

/**
 * A peer may have closed a connection that was idle for this long. Before it is used again, the
 * event loop reads what the kernel knows of that. A close that is still on its way is an ordinary
 * failure.
 */
const LOOK_AFTER_MS = 500

export interface HttpSenderOptions {
  /** Scheme, host and port to connect to. */
  readonly origin: string
  /** Certificates and the proxy. */
  readonly access: Access
  /**
   * For one request, from `send` to the last byte of its answer, and longer while the peer takes
   * bodies piece by piece: its own, or those that it waits behind.
   */
  readonly timeoutMs: number
  readonly maxConnections: number
  readonly clock: Clock
}

interface IdleConnection {
  readonly connection: HttpConnection
  readonly sinceMs: number
  readonly untilMs: number
}

export class HttpSender implements ConnectionOwner, ExchangeHolder {
  readonly #options: HttpSenderOptions
  readonly #opener: SocketOpener
  /** All connections, including those that are connecting or closing. */
  readonly #connections = new Set<HttpConnection>()
  /** The last one used is the first to be used again, so that surplus connections expire. */
  readonly #idle: IdleConnection[] = []
  readonly #waiting = new Set<Exchange>()
  readonly #abortListeners = new AbortListeners()
  #isOpen = false
  #sweep: Timer | undefined
  #onClosed: (() => void) | undefined

  constructor(options: HttpSenderOptions) {
    this.#options = options
    this.#opener = new SocketOpener(options.origin, options.access)
  }

  /** @throws {ConnectorError} InvalidConfiguration if the certificates can't be used */
  check(): Promise<void> {
    return this.#opener.check()
  }

  open(): void {
    this.#isOpen = true
  }

  /**
   * Rejects with an error of the connection, with a TimeoutError, or with the signal's reason.
   * @param makeRequest called once there is a connection, unless the time is over by then
   */
  send(makeRequest: () => Request, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (!this.#isOpen) throw new Error('the destination is not open')
      const { timeoutMs, clock } = this.#options
      const abortListeners = this.#abortListeners
      const options = { makeRequest, timeoutMs, clock, signal, abortListeners, resolve, reject }
      const exchange = new Exchange(options)
      exchange.begin()
      this.#place(exchange)
    })
  }

  /** Fails all exchanges. Resolves when every connection is closed. */
  async close(): Promise<void> {
    this.#isOpen = false
    this.#sweep?.cancel()
    this.#sweep = undefined
    const closed = new Error('the destination was closed')
    for (const exchange of [...this.#waiting]) exchange.fail(closed)
    if (this.#connections.size === 0) return
    const allClosed = new Promise<void>((resolve) => {
      this.#onClosed = resolve
    })
    for (const connection of this.#connections) connection.close()
    await allClosed
  }

  connectionFree(connection: HttpConnection, keepAliveMs: number): void {
    const sinceMs = this.#options.clock.monotonic()
    this.#idle.push({ connection, sinceMs, untilMs: sinceMs + keepAliveMs })
    this.#serveWaiting()
    if (this.#idle.length > 0) this.#sweepAfter(keepAliveMs)
  }

  connectionClosed(connection: HttpConnection): void {
    this.#connections.delete(connection)
    const at = this.#idle.findIndex((idle) => idle.connection === connection)
    if (at >= 0) this.#idle.splice(at, 1)
    if (this.#connections.size === 0) this.#onClosed?.()
    this.#serveWaiting()
  }

  connectionProgressed(): void {
    for (const exchange of this.#waiting) exchange.progressed()
  }

  /** An exchange has settled before it had a connection. */
  drop(exchange: Exchange): void {
    this.#waiting.delete(exchange)
  }

  #place(exchange: Exchange): void {
    if (exchange.isSettled) return
    const last = this.#idle.at(-1)
    const idleMs = last === undefined ? 0 : this.#options.clock.monotonic() - last.sinceMs
    if (idleMs < LOOK_AFTER_MS && this.#begin(exchange)) return
    exchange.holder = this
    this.#waiting.add(exchange)
    // Twice: the first may run before the event loop has polled the sockets, the second may not.
    if (idleMs >= LOOK_AFTER_MS) setImmediate(() => setImmediate(() => this.#serveWaiting()))
  }

  #serveWaiting(): void {
    for (const exchange of this.#waiting) {
      if (!this.#begin(exchange)) return
      this.#waiting.delete(exchange)
    }
  }

  /** Returns false if there is neither a free connection nor room for another. */
  #begin(exchange: Exchange): boolean {
    if (!this.#isOpen) return false
    const idle = this.#takeIdle()
    if (idle !== undefined) {
      idle.send(exchange)
      return true
    }
    if (this.#connections.size >= this.#options.maxConnections) return false
    const connection = new HttpConnection(this.#opener, this)
    this.#connections.add(connection)
    connection.start(exchange)
    return true
  }

  #takeIdle(): HttpConnection | undefined {
    for (;;) {
      const idle = this.#idle.pop()
      if (idle === undefined) return undefined
      const { connection, untilMs } = idle
      if (connection.isUsable && untilMs > this.#options.clock.monotonic()) return connection
      connection.close()
    }
  }

  /** One timer for all connections. One that expires before the timer fires is closed late. */
  #sweepAfter(delayMs: number): void {
    this.#sweep ??= this.#options.clock.after(delayMs, () => {
      this.#sweep = undefined
      this.#closeOld()
    })
  }

  #closeOld(): void {
    const nowMs = this.#options.clock.monotonic()
    let nextMs = Number.POSITIVE_INFINITY
    for (const { connection, untilMs } of this.#idle) {
      if (untilMs <= nowMs) connection.close()
      else nextMs = Math.min(nextMs, untilMs)
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#sweepAfter(nextMs - nowMs)
  }
}
