/**
 * Opens sockets to one endpoint, TLS or not. Names are looked up anew for each, and addresses of
 * both families are tried in turn, as Node does by default; certificates are verified against what
 * Node trusts (`NODE_EXTRA_CA_CERTS` adds to it).
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'

/** What is read at once; what comes meanwhile waits in the kernel. */
const READ_BYTES = 65_536
/** A peer that has vanished without a word is found out by the kernel, though nothing is sent. */
const PROBE_AFTER_MS = 60_000

export class SocketOpener {
  readonly #isTls: boolean
  readonly #host: string
  readonly #port: number
  /** The last TLS session: the next handshake is shorter by the certificates. */
  #session: Buffer | undefined
  /** All sockets read into it, one after the other: a buffer for each read is garbage that counts. */
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BYTES)

  constructor(origin: string) {
    const { protocol, hostname, port } = new URL(origin)
    this.#isTls = protocol === 'https:'
    this.#host = hostname.replace(/^\[(.*)\]$/, '$1')
    this.#port = port === '' ? (this.#isTls ? 443 : 80) : Number(port)
  }

  /** Name of the event by which a socket says that it can be written to. */
  get readyEvent(): 'connect' | 'secureConnect' {
    return this.#isTls ? 'secureConnect' : 'connect'
  }

  /** @param take called with what has come. The bytes are valid until it returns. */
  open(take: (bytes: Buffer) => void): Socket {
    const options = {
      host: this.#host,
      port: this.#port,
      onread: {
        buffer: this.#readBuffer,
        callback: (bytes: number, buffer: Uint8Array) => {
          take(Buffer.from(buffer.buffer, buffer.byteOffset, bytes))
          return true
        },
      },
    }
    const socket = this.#isTls ? this.#openTls(options) : connectTcp(options)
    return socket.once(this.readyEvent, () => {
      // Not among the options above: TLS sockets don't take them.
      socket.setNoDelay(true)
      socket.setKeepAlive(true, PROBE_AFTER_MS)
    })
  }

  #openTls(options: ConnectionOptions): Socket {
    const socket = connectTls({
      ...options,
      // RFC 6066 3: no name indication for addresses.
      ...(isIP(this.#host) === 0 ? { servername: this.#host } : {}),
      ...(this.#session === undefined ? {} : { session: this.#session }),
      ALPNProtocols: ['http/1.1'],
    })
    socket.on('session', (session) => {
      this.#session = session
    })
    socket.on('error', () => {
      // It may be the session that the peer does not like.
      this.#session = undefined
    })
    return socket
  }
}
