/**
 * Bytes on their way to one client: all that is written during one turn of the event loop leaves in
 * one write. All connections share a `FlushQueue`, which costs one callback a turn.
 *
 *     add ─▶ parts ──end of the turn, or a later one if it is spent──▶ socket, one write at a time
 *               └──the socket is busy──▶ joined ──▶ socket
 *
 * While the socket has not passed on a write, what follows waits joined, because many small writes
 * take many times their memory. All writers together count against one bound.
 */
import type { Duplex } from 'node:stream'
import type { LoopTurns } from '../limits/loop-turns.ts'
import type { SharedBound } from '../limits/shared-bound.ts'
import { workOfWriting } from '../limits/work.ts'
import { JoinedBytes } from './joined-bytes.ts'

/** Bytes the socket gets at once. If it takes them within the stall limit, the client reads. */
const MAX_WRITE_BYTES = 65_536
/** This many bytes may always wait: those of a client that reads leave within a turn or two. */
const ALWAYS_ALLOWED_BYTES = 8_192

export class FlushQueue {
  readonly #turns: LoopTurns
  #waiting: SocketWriter[] = []

  constructor(turns: LoopTurns) {
    this.#turns = turns
  }

  /** Long writes must wait for a later turn. */
  get isSpent(): boolean {
    return this.#turns.isSpent
  }

  add(writer: SocketWriter): void {
    if (this.#waiting.length === 0) process.nextTick(FlushQueue.#run, this)
    this.#waiting.push(writer)
  }

  static #run(queue: FlushQueue): void {
    const waiting = queue.#waiting
    queue.#waiting = []
    for (const writer of waiting) {
      if (writer.isShort || !queue.#turns.isSpent) writer.turnEnded()
      else queue.addLater(writer)
    }
  }

  /** As `add`, for a later turn with work left. */
  addLater(writer: SocketWriter): void {
    this.#turns.next(() => writer.turnEnded())
  }

  wrote(bytes: number): void {
    this.#turns.spend(workOfWriting(bytes))
  }
}

export interface SocketWriterOptions {
  readonly socket: Duplex
  readonly queue: FlushQueue
  /** For the bytes that wait for all clients together. */
  readonly bound: SharedBound
  /** For the bytes that wait for this client. */
  readonly maxBytes: number
  /** All bytes have left, after `isCongested` was true. */
  readonly onDrained: () => void
}

export class SocketWriter {
  readonly #options: SocketWriterOptions
  readonly #socket: Duplex
  readonly #bound: SharedBound
  #parts: Buffer[] = []
  #partBytes = 0
  #joined: JoinedBytes | undefined
  /** The write that the socket has not passed on; 0 if there is none. */
  #inFlightBytes = 0
  /** The memory behind it. */
  #inFlightHeld = 0
  /** What counts against the bound. */
  #held = 0
  /** How many writes have left that did not leave at once. */
  #progress = 0
  #isQueued = false
  #isHeld = false
  #isEnding = false
  #isAwaited = false
  readonly #onWritten = (): void => this.#written()

  constructor(options: SocketWriterOptions) {
    this.#options = options
    this.#socket = options.socket
    this.#bound = options.bound
  }

  /** Bytes that have not left the process. */
  get waitingBytes(): number {
    return this.#partBytes + (this.#joined?.bytes ?? 0) + this.#inFlightBytes
  }

  /** More waits than the client may leave unread. Once this is so, `onDrained` is called later. */
  get isCongested(): boolean {
    const waiting = this.waitingBytes
    const isFull = waiting > ALWAYS_ALLOWED_BYTES && this.#held > this.#bound.share
    if (!isFull && waiting <= this.#options.maxBytes) return false
    this.#isAwaited = true
    return true
  }

  /** So little waits that it leaves at the end of the turn, whatever others have sent in it. */
  get isShort(): boolean {
    return this.#partBytes <= ALWAYS_ALLOWED_BYTES
  }

  /** The socket takes no more until the client reads. */
  get isBlocked(): boolean {
    return this.#inFlightBytes > 0
  }

  /** A figure that changes when the client has read, although more waits. */
  get progress(): number {
    return this.#progress
  }

  add(bytes: Buffer): void {
    if (!this.#isQueued) {
      this.#isQueued = true
      this.#options.queue.add(this)
    }
    this.#parts.push(bytes)
    this.#partBytes += bytes.length
    this.#held += bytes.length
    this.#bound.take(bytes.length)
    // What the kernel takes at once does not have to be held until the end of the turn.
    const isLong = this.#partBytes >= MAX_WRITE_BYTES || 2 * this.#held > this.#bound.share
    if (isLong && !this.#options.queue.isSpent) this.#flush()
  }

  /** No bytes leave, and the socket does not end, until `until` calls `release`. */
  hold(until: (release: () => void) => void): void {
    this.#isHeld = true
    until(() => {
      this.#isHeld = false
      if (this.#isEnding) this.end()
      else this.#flush()
    })
  }

  /** Sends all bytes and then ends this side of the socket. */
  end(): void {
    this.#isEnding = true
    if (this.#isHeld) return
    this.#flush()
    if (this.waitingBytes === 0) this.#socket.end()
  }

  turnEnded(): void {
    this.#isQueued = false
    this.#flush()
  }

  /** The socket is closed: nothing waits any more. */
  discard(): void {
    this.#parts = []
    this.#partBytes = 0
    this.#joined = undefined
    this.#setInFlight(0, 0)
    this.#count()
  }

  #flush(): void {
    if (this.#parts.length > 0) this.#takeParts()
    this.#sendJoined()
    this.#count()
  }

  /** Much that waits leaves when the turn has work left. */
  #flushSoon(): void {
    const { queue } = this.#options
    if (!queue.isSpent || this.waitingBytes <= ALWAYS_ALLOWED_BYTES) {
      this.#flush()
    } else if (!this.#isQueued) {
      this.#isQueued = true
      queue.addLater(this)
    }
  }

  #takeParts(): void {
    const parts = this.#parts
    const bytes = this.#partBytes
    this.#parts = []
    this.#partBytes = 0
    if (this.#isHeld || this.isBlocked || this.#joined !== undefined) {
      this.#joined ??= new JoinedBytes(MAX_WRITE_BYTES)
      for (const part of parts) this.#joined.add(part)
      return
    }
    const [only] = parts
    this.#write(parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, bytes))
  }

  #sendJoined(): void {
    if (this.#isHeld) return
    while (this.#joined !== undefined && !this.isBlocked) {
      const piece = this.#joined.take()
      if (this.#joined.bytes === 0) this.#joined = undefined
      this.#write(piece)
    }
  }

  /** Only to be called while the socket has passed on all bytes. */
  #write(bytes: Buffer): void {
    if (!this.#socket.writable) return
    this.#options.queue.wrote(bytes.length)
    for (let at = 0; at < bytes.length; at += MAX_WRITE_BYTES) {
      if (this.isBlocked) {
        this.#joined ??= new JoinedBytes(MAX_WRITE_BYTES)
        this.#joined.add(bytes.subarray(at))
        return
      }
      const isWhole = bytes.length <= MAX_WRITE_BYTES
      const piece = isWhole ? bytes : bytes.subarray(at, at + MAX_WRITE_BYTES)
      this.#socket.write(piece, this.#onWritten)
      if (this.#socket.writableLength > 0) {
        this.#setInFlight(piece.length, piece.buffer.byteLength)
      }
    }
  }

  /** A write has left. It may not be the last one, because one that leaves at once reports later. */
  #written(): void {
    if (this.isBlocked && this.#socket.writableLength === 0) {
      this.#progress++
      this.#setInFlight(0, 0)
      this.#flushSoon()
    }
    if (this.waitingBytes > 0) return
    if (this.#isEnding && !this.#isHeld) this.#socket.end()
    if (!this.#isAwaited) return
    this.#isAwaited = false
    this.#options.onDrained()
  }

  #setInFlight(bytes: number, held: number): void {
    this.#inFlightBytes = bytes
    this.#inFlightHeld = held
  }

  #count(): void {
    const held = this.#partBytes + (this.#joined?.heldBytes ?? 0) + this.#inFlightHeld
    this.#bound.take(held - this.#held)
    this.#held = held
  }
}
