/**
 * Requests that wait: each one ends after its time, or when its client leaves or the server closes.
 * Addresses share the number of requests that may wait: one alone has half of it. If an address is beyond its share, the one
 * of its own that has waited longest ends at once, with what there is.
 */
import { setMaxListeners } from 'node:events'
import type { ServerResponse } from 'node:http'
import { addressGroup } from '../../sources/mqtt-server/limits/address.ts'
import { AddressShares } from './address-shares.ts'

const MAX_WAITING = 64

interface Poll {
  readonly address: string
  readonly end: () => void
}

export class LongPolls {
  readonly #closing = new AbortController()
  readonly #places: AddressShares
  /** Those that wait, the oldest first. */
  readonly #polls = new Map<ServerResponse, Poll>()

  constructor(maxWaiting = MAX_WAITING) {
    this.#places = new AddressShares(maxWaiting, maxWaiting / 2)
    // One that ended early may still be listening when the next one begins.
    setMaxListeners(2 * maxWaiting, this.#closing.signal)
  }

  isWaiting(response: ServerResponse): boolean {
    return this.#polls.has(response)
  }

  /** Ends all waiting requests. Later ones end at once. */
  close(): void {
    this.#closing.abort()
  }

  /** Does `work` with a signal that is aborted when the wait has to end. */
  async wait(
    response: ServerResponse,
    seconds: number,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const over = new AbortController()
    const end = (): void => over.abort()
    const timeout = setTimeout(end, seconds * 1000)
    response.once('close', end)
    const closing = this.#closing.signal
    closing.addEventListener('abort', end)
    if (closing.aborted || response.closed) end()
    this.#add(response, end)
    try {
      await work(over.signal)
    } finally {
      this.#remove(response)
      clearTimeout(timeout)
      response.off('close', end)
      closing.removeEventListener('abort', end)
    }
  }

  #add(response: ServerResponse, end: () => void): void {
    const address = addressGroup(response.req.socket.remoteAddress ?? '')
    if (!this.#places.allows(address)) this.#endOldest(this.#places.payer(address))
    this.#polls.set(response, { address, end })
    this.#places.take(address)
  }

  #remove(response: ServerResponse): void {
    const poll = this.#polls.get(response)
    if (poll === undefined) return
    this.#polls.delete(response)
    this.#places.release(poll.address)
  }

  #endOldest(address: string): void {
    for (const [response, poll] of this.#polls) {
      if (poll.address !== address) continue
      this.#remove(response)
      poll.end()
      return
    }
  }
}
