/** Requests that wait: each ends when its time is over, its client is gone or the server closes. */
import { setMaxListeners } from 'node:events'
import type { ServerResponse } from 'node:http'

export class LongPolls {
  readonly #closing = new AbortController()

  constructor(maxWaiting: number) {
    setMaxListeners(maxWaiting, this.#closing.signal)
  }

  /** Ends all that wait, and those to come at once. */
  close(): void {
    this.#closing.abort()
  }

  /** Does `work` with a signal that is aborted when `response` shall wait no longer. */
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
