/** The socket of a client without a network: the test sends bytes, and gets those of the server. */
import { Duplex } from 'node:stream'

export class MemorySocket extends Duplex {
  /** Whether the client reads. If not, bytes that are sent wait in the socket. */
  isClientReading = true
  #sent: Buffer[] = []
  #unread: { readonly chunk: Buffer; readonly done: () => void }[] = []

  /** Bytes from the client. */
  arrive(...packets: readonly Buffer[]): void {
    this.push(Buffer.concat(packets))
  }

  /** The client is gone. */
  leave(): void {
    this.destroy()
  }

  /** The client reads again. */
  readAgain(): void {
    this.isClientReading = true
    const unread = this.#unread
    this.#unread = []
    for (const { chunk, done } of unread) this.#take(chunk, done)
  }

  /** The client reads what has reached it, and no more. */
  readOnce(): void {
    const next = this.#unread.shift()
    if (next !== undefined) this.#take(next.chunk, next.done)
  }

  /** What the client has read since the last call: one buffer for each write. */
  takeWrites(): Buffer[] {
    const sent = this.#sent
    this.#sent = []
    return sent
  }

  /** The same as hex, in one piece. */
  takeSent(): string {
    return Buffer.concat(this.takeWrites()).toString('hex')
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.isClientReading) this.#take(chunk, done)
    else this.#unread.push({ chunk, done })
  }

  #take(chunk: Buffer, done: () => void): void {
    this.#sent.push(Buffer.from(chunk))
    done()
  }
}
