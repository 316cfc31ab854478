/**
 * What is known of one answer of the endpoint: whether the connector has read it. A connector that
 * sends its next request over the same connection has; one that gives a request up closes the
 * connection, whether its time was over or an answer could not be understood.
 */
import type { Socket } from 'node:net'

const latest = new WeakMap<Socket, EndpointAnswer>()

export class EndpointAnswer {
  readonly takenAtMs = performance.now()
  /** It was not sent. */
  isLost = false
  /** Another request has come over the connection. */
  isRead = false
  #closedAtMs: number | undefined

  /** The answer to the request that comes over this connection now. */
  static to(socket: Socket): EndpointAnswer {
    const before = latest.get(socket)
    if (before === undefined) socket.once('close', () => latest.get(socket)?.connectionClosed())
    else before.isRead = true
    const answer = new EndpointAnswer()
    latest.set(socket, answer)
    return answer
  }

  connectionClosed(): void {
    this.#closedAtMs = performance.now()
  }

  /** Whether the connector may have given the request up, because it waits no longer than this. */
  mayBeUnread(timeoutMs: number): boolean {
    if (this.isLost) return true
    if (this.isRead || this.#closedAtMs === undefined) return false
    return this.#closedAtMs - this.takenAtMs < timeoutMs + STALL_MS
  }
}

/** A busy machine may hold up the connector or the endpoint for this long. */
export const STALL_MS = 4_000
