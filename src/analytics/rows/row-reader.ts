/**
 * A thread that reads rows from a data directory for `RowStream`, ahead of the thread that takes them.
 *
 *     this thread:  files ─▶ checked frames ─▶ port ─▶   the other thread, which may block
 *
 * DuckDB calls a table function synchronously, and the files are read asynchronously: so they are
 * read here.
 */
import { type MessagePort, parentPort } from 'node:worker_threads'
import { StoredChunks } from '../../channels/disk/stored-chunks.ts'
import { messageOf } from '../../errors.ts'
import type { ReadRows, RowPart } from './row-stream.ts'

/** Parts of some 256 KiB that wait to be taken. */
const MAX_WAITING_PARTS = 8

parentPort?.on('message', (request: ReadRows | 'closeFiles') => {
  if (request === 'closeFiles') void closeFiles()
  else void send(request)
})

/** Logs that no stream reads now, by path: looking at a directory costs more than reading a range. */
const idle = new Map<string, StoredChunks[]>()

async function closeFiles(): Promise<void> {
  const logs = [...idle.values()].flat()
  idle.clear()
  for (const log of logs) await log.close()
}

async function send({ directory, channel, from, to, port, sent }: ReadRows): Promise<void> {
  const reading = new Reading(port, sent)
  const path = `${directory}/${channel}`
  const log = idle.get(path)?.pop() ?? new StoredChunks(directory, channel)
  try {
    for await (const part of log.read(from, to)) {
      const { chunk } = part
      // A copy: other parts may share its memory.
      const frames = new Uint8Array(chunk.buffer.subarray(0, chunk.filled))
      const { firstOffset, endOffset, logId } = chunk
      reading.send({
        kind: 'rows',
        frames,
        firstOffset,
        endOffset,
        logId,
        from: part.from,
        to: part.to,
      })
      if (!(await reading.mayGoOn())) return
    }
    reading.send({ kind: 'end' })
  } catch (error) {
    reading.send({ kind: 'failed', message: messageOf(error) })
  } finally {
    const others = idle.get(path)
    if (others === undefined) idle.set(path, [log])
    else others.push(log)
  }
}

class Reading {
  readonly #port: MessagePort
  readonly #sent: Int32Array
  #waiting = 0
  #isClosed = false
  #wake = () => {}

  constructor(port: MessagePort, sent: Int32Array) {
    this.#port = port
    this.#sent = sent
    port.on('message', () => {
      this.#waiting--
      this.#wake()
    })
    port.once('close', () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  send(part: RowPart): void {
    this.#waiting++
    this.#port.postMessage(part, part.kind === 'rows' ? [part.frames.buffer] : [])
    Atomics.add(this.#sent, 0, 1)
    Atomics.notify(this.#sent, 0)
  }

  /** Waits until few enough parts wait; false if nobody takes them any more. */
  async mayGoOn(): Promise<boolean> {
    while (!this.#isClosed && this.#waiting >= MAX_WAITING_PARTS) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return !this.#isClosed
  }
}
