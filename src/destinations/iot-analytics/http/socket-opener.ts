/**
 * Opens sockets to one endpoint, with or without TLS. The host name is resolved again for each
 * socket, and addresses of both families are tried in turn, as Node does by default. Certificates
 * are verified against the authorities that Node trusts (`NODE_EXTRA_CA_CERTS` adds to them).
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'

/** Bytes read at once; more bytes wait in the kernel. */
const READ_BYTES = 65_536
/** TCP keep-alive: the kernel notices a peer that has vanished silently. */
const PROBE_AFTER_MS = 60_000

export class SocketOpener {
  readonly #isTls: boolean
  readonly #host: string
  readonly #port: number
  /** The last TLS session. With it the next handshake needs no certificates. */
  #session: Buffer | undefined
  /** All sockets read into it in turn. A new buffer for each read would cost garbage collection. */
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BYTES)

  constructor(origin: string) {
    const { protocol, hostname, port } = new URL(origin)
    this.#isTls = protocol === 'https:'
    this.#host = hostname.replace(/^\[(.*)\]$/, '$1')
    this.#port = port === '' ? (this.#isTls ? 443 : 80) : Number(port)
  }

  /** The event with which a socket becomes writable. */
  get readyEvent(): 'connect' | 'secureConnect' {
    return this.#isTls ? 'secureConnect' : 'connect'
  }

  /** @param take called with bytes as they arrive; they are valid until it returns */
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
      // Set here and not in the options above, because TLS sockets ignore them.
      socket.setNoDelay(true)
      socket.setKeepAlive(true, PROBE_AFTER_MS)
    })
  }

  #openTls(options: ConnectionOptions): Socket {
    const socket = connectTls({
      ...options,
      // RFC 6066, 3: no server name indication for IP addresses.
      ...(isIP(this.#host) === 0 ? { servername: this.#host } : {}),
      ...(this.#session === undefined ? {} : { session: this.#session }),
      ALPNProtocols: ['http/1.1'],
    })
    socket.on('session', (session) => {
      this.#session = session
    })
    socket.on('error', () => {
      // The peer may not accept the session.
      this.#session = undefined
    })
    return socket
  }
}
