/**
 * A TCP server that answers HTTP requests with the bytes of a script, valid or not. It reads
 * requests by their content-length and does nothing else.
 *
 *     const peer = await ScriptedPeer.start(t)
 *     peer.next(writes('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'))
 */
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { resetSocket } from '../servers/reset-socket.ts'

export type Script = (socket: Socket) => void

export interface PeerOptions {
  readonly tls?: TlsOptions
  /** Called with each new connection, before it has received anything. */
  readonly onConnection?: Script
}

interface Cleanup {
  after(release: () => Promise<void>): void
}

export const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'

export class ScriptedPeer {
  /** Whole requests, in order of arrival. */
  readonly requests: Buffer[] = []
  /** All connections that were ever opened. */
  readonly sockets: Socket[] = []
  readonly #server: Server
  readonly #isTls: boolean
  readonly #scripts: Script[] = []

  private constructor({ tls, onConnection }: PeerOptions) {
    this.#isTls = tls !== undefined
    const take = (socket: Socket) => {
      this.sockets.push(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      onConnection?.(socket)
      this.#read(socket)
    }
    this.#server = tls === undefined ? createServer(take) : createTlsServer(tls, take)
    this.#server.on('tlsClientError', () => {})
  }

  static async start(t: Cleanup, options: PeerOptions = {}): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer(options)
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve))
    t.after(async () => {
      for (const socket of peer.sockets) socket.destroy()
      await new Promise((resolve) => peer.#server.close(resolve))
    })
    return peer
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' ? (address?.port ?? 0) : 0
  }

  get origin(): string {
    return `http${this.#isTls ? 's' : ''}://127.0.0.1:${this.port}`
  }

  /** The answers to the next requests, one for each; then `OK`. */
  next(...scripts: readonly Script[]): void {
    this.#scripts.push(...scripts)
  }

  #read(socket: Socket): void {
    let held: Buffer = Buffer.alloc(0)
    const chunks: Buffer[] = []
    let missing = 0
    socket.on('data', (chunk: Buffer) => {
      if (missing === 0) {
        held = Buffer.concat([held, chunk])
        const end = held.indexOf('\r\n\r\n')
        if (end < 0) return
        const length = /content-length: (\d+)/.exec(held.toString('latin1', 0, end))?.[1]
        missing = end + 4 + Number(length ?? 0) - held.length
        chunks.push(held)
        held = Buffer.alloc(0)
      } else {
        chunks.push(chunk)
        missing -= chunk.length
      }
      if (missing > 0) return
      this.requests.push(Buffer.concat(chunks.splice(0)))
      const script = this.#scripts.shift() ?? writes(OK)
      script(socket)
    })
  }
}

export function writes(bytes: string | Buffer): Script {
  return (socket) => void socket.write(bytes, 'latin1')
}

/** Writes, then closes the connection. */
export function writesAndEnds(bytes: string): Script {
  return (socket) => void socket.end(bytes, 'latin1')
}

/** Writes, and resets the connection once the bytes have arrived. */
export function writesAndResets(bytes: string): Script {
  return (socket) => {
    if (bytes === '') return resetSocket(socket)
    socket.write(bytes, 'latin1', () => setTimeout(() => resetSocket(socket), 10))
  }
}

/** One write for each byte, each in its own turn of the event loop. */
export function drips(bytes: string): Script {
  return (socket) => {
    let at = 0
    const next = () => {
      if (at === bytes.length) return
      socket.write(bytes.slice(at, at + 1), 'latin1')
      at++
      setImmediate(next)
    }
    next()
  }
}
