/**
 * One stream of events and its client. A client that does not read misses events: no more than one
 * of them waits beyond what the socket takes. `Connections` ends the stream if that goes on.
 */
import type { Writable } from 'node:stream'
import type { WantedTopics } from '../api/event-topics.ts'

export class Viewer {
  readonly wanted: WantedTopics
  /** The problems that the client knows. */
  problems: string | undefined
  readonly #response: Writable

  constructor(response: Writable, wanted: WantedTopics) {
    this.#response = response
    this.wanted = wanted
  }

  get isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded
  }

  /** Returns false if the client misses the event. */
  send(event: Buffer): boolean {
    if (!this.isOpen || this.#response.writableNeedDrain) return false
    this.#response.write(event)
    return true
  }

  end(): void {
    this.#response.end()
  }
}
