/**
 * Requests that wait: each one ends after its time, or when its client leaves or the server closes.
 */
import { setMaxListeners } from 'node:events'
import type { ServerResponse } from 'node:http'

export class LongPolls {
  readonly #closing = new AbortController()

  constructor(maxWaiting: number) {
    setMaxListeners(maxWaiting, this.#closing.signal)
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
    if (closing.aborted) end()
    try {
      await work(over.signal)
    } finally {
      clearTimeout(timeout)
      response.off('close', end)
      closing.removeEventListener('abort', end)
    }
  }
}
