/**
 * Bytes on their way to one client: all that is written during one turn of the event loop leaves in
 * one write. All connections share a `FlushQueue`, which costs one callback a turn.
 */
import type { Duplex } from 'node:stream'
import { ownBytes } from '../packets/packet-reader.ts'

export class FlushQueue {
  #waiting: SocketWriter[] = []

  add(writer: SocketWriter): void {
    if (this.#waiting.length === 0) process.nextTick(FlushQueue.#run, this)
    this.#waiting.push(writer)
  }

  static #run(queue: FlushQueue): void {
    const waiting = queue.#waiting
    queue.#waiting = []
    for (const writer of waiting) writer.flush()
  }
}

export class SocketWriter {
  readonly #socket: Duplex
  readonly #queue: FlushQueue
  readonly #onFlushed: () => void
  #parts: Buffer[] = []
  #bytes = 0
  #isHeld = false
  #isEnding = false

  /** `onFlushed` is called when bytes were handed to the socket; they may still wait there. */
  constructor(socket: Duplex, queue: FlushQueue, onFlushed: () => void) {
    this.#socket = socket
    this.#queue = queue
    this.#onFlushed = onFlushed
  }

  /** Bytes that have not left the process. */
  get waitingBytes(): number {
    return this.#bytes + this.#socket.writableLength
  }

  add(bytes: Buffer): void {
    if (this.#parts.length === 0) this.#queue.add(this)
    this.#parts.push(bytes)
    this.#bytes += bytes.length
  }

  /** No bytes leave, and the socket does not end, until `until` calls `release`. */
  hold(until: (release: () => void) => void): void {
    this.#isHeld = true
    until(() => {
      this.#isHeld = false
      if (this.#isEnding) this.end()
      else this.flush()
    })
  }

  /** Sends all bytes and then ends this side of the socket. */
  end(): void {
    this.#isEnding = true
    if (this.#isHeld) return
    this.flush()
    this.#socket.end()
  }

  flush(): void {
    const [only] = this.#parts
    if (only === undefined || this.#isHeld) return
    const bytes = this.#parts.length === 1 ? only : Buffer.concat(this.#parts, this.#bytes)
    this.#parts = []
    this.#bytes = 0
    if (!this.#socket.writable) return
    // Behind other bytes these may wait for long, so they must not keep a larger buffer alive.
    this.#socket.write(this.#socket.writableLength > 0 ? ownBytes(bytes) : bytes)
    this.#onFlushed()
  }
}
