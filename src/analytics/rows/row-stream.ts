/**
 * Rows of a channel in order, for somebody who can only wait by blocking: DuckDB calls a table
 * function synchronously. `row-reader.ts` reads ahead in a thread of its own.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { Batch, Chunk } from '../../channels/disk/format/chunk.ts'
import { ConnectorError } from '../../errors.ts'
import type { Message } from '../../message.ts'

/** A waiting stream checks this often whether the reading thread still lives. */
const WAKE_UP_MS = 1000

/** Rows `from ≤ offset < to`. */
export interface RowRange {
  readonly channel: string
  readonly from: number
  readonly to: number
}

/** What the reading thread is asked for. */
export interface ReadRows extends RowRange {
  readonly directory: string
  /** Takes `RowPart`s and answers each with a message. If it is closed, nobody wants more. */
  readonly port: MessagePort
  /** How many parts were sent: it can be waited for without the event loop. */
  readonly sent: Int32Array<SharedArrayBuffer>
}

/** What the reading thread answers. */
export type RowPart =
  | {
      readonly kind: 'rows'
      /** Whole frames, whose checksums were verified. */
      readonly frames: Uint8Array<ArrayBuffer>
      readonly logId: string
      readonly firstOffset: number
      readonly endOffset: number
      readonly from: number
      readonly to: number
    }
  | { readonly kind: 'end' }
  | { readonly kind: 'failed'; readonly message: string }

/** The thread that reads, for all streams of a process. It starts with the first one. */
export class RowReader {
  #thread: Worker | undefined

  open(directory: string, range: RowRange): RowStream {
    const { port1, port2 } = new MessageChannel()
    const sent = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const request: ReadRows = { ...range, directory, port: port2, sent }
    const thread = this.#thread ?? this.#start()
    thread.postMessage(request, [port2])
    return new RowStream(port1, sent, () => this.#thread !== thread)
  }

  /** Closes the files that no stream reads: those of removed segments would keep their room. */
  closeFiles(): void {
    this.#thread?.postMessage('closeFiles')
  }

  #start(): Worker {
    const thread = new Worker(new URL('./row-reader.js', import.meta.url))
    this.#thread = thread
    thread.unref()
    thread.once('exit', () => {
      if (this.#thread === thread) this.#thread = undefined
    })
    return thread
  }
}

export class RowStream {
  readonly #port: MessagePort
  readonly #sent: Int32Array
  readonly #hasEnded: () => boolean
  #chunk: Chunk | undefined
  #at = 0
  #to = 0
  #isDone = false

  constructor(port: MessagePort, sent: Int32Array, hasEnded: () => boolean) {
    this.#port = port
    this.#sent = sent
    this.#hasEnded = hasEnded
    port.unref()
  }

  /**
   * The next rows, at most `maxCount`; empty at the end. Records that can't be parsed are skipped.
   * Blocks until they are read.
   * @throws {ConnectorError} StorageFailed if files can't be read
   */
  next(maxCount: number): readonly Message[] {
    const batch = new Batch(maxCount, Number.POSITIVE_INFINITY)
    while (!batch.isFull && this.#hasMore()) {
      this.#chunk?.collect(this.#at, this.#to, batch)
      const unreadable = batch.takeUnreadable()
      const last = batch.messages.at(-1)?.offset ?? this.#at
      this.#at = batch.isFull ? last + 1 : (unreadable?.to ?? this.#to)
    }
    return batch.messages
  }

  close(): void {
    this.#isDone = true
    this.#chunk = undefined
    this.#port.close()
  }

  /** Whether there is a row at `#at`, in a part that may have to be waited for. */
  #hasMore(): boolean {
    while (!this.#isDone && this.#at >= this.#to) {
      const part = this.#receive()
      if (part.kind === 'rows') {
        const frames = Buffer.from(part.frames.buffer, part.frames.byteOffset, part.frames.length)
        this.#chunk = Chunk.ofFrames(part.logId, frames, part.firstOffset, part.endOffset)
        this.#at = Math.max(part.from, part.firstOffset)
        this.#to = part.to
        continue
      }
      this.close()
      if (part.kind === 'failed') throw new ConnectorError('StorageFailed', part.message)
    }
    return !this.#isDone
  }

  #receive(): RowPart {
    for (;;) {
      const sent = Atomics.load(this.#sent, 0)
      const received = receiveMessageOnPort(this.#port)
      if (received !== undefined) {
        this.#port.postMessage('taken')
        return received.message
      }
      if (this.#hasEnded()) return { kind: 'failed', message: 'the thread that reads rows ended' }
      Atomics.wait(this.#sent, 0, sent, WAKE_UP_MS)
    }
  }
}
