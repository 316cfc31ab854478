/**
 * Opens sockets to one endpoint, with or without TLS, directly or through a proxy. The host name is
 * resolved again for each socket, and addresses of both families are tried in turn, as Node does by
 * default. Certificates are verified against the authorities that Node trusts
 * (`NODE_EXTRA_CA_CERTS` adds to them), or against those of `tls.ca` alone.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type SecureContext } from 'node:tls'
import { type TlsFileNames, TlsFiles } from '../../named-files/tls-files.ts'
import { HttpProxy } from './http-proxy.ts'

/** Bytes read at once; more bytes wait in the kernel. */
const READ_BYTES = 65_536
/** TCP keep-alive: the kernel notices a peer that has vanished silently. */
const PROBE_AFTER_MS = 60_000

export interface Access {
  /** Where the options are in the configuration, for errors about them. */
  readonly place: string
  readonly tls?: (TlsFileNames & { readonly servername?: string | undefined }) | undefined
  /** http://[user:password@]host[:port] */
  readonly proxy?: string | undefined
}

export interface SocketUser {
  /** Called with bytes as they arrive; they are valid until it returns. */
  take(bytes: Buffer): void
  /** The socket is writable. Never called before `open` has returned its socket or promise. */
  ready(): void
  /** Aborted if the socket is no longer wanted before there is one. */
  readonly signal: AbortSignal
}

export class SocketOpener {
  readonly #isTls: boolean
  readonly #host: string
  readonly #port: number
  readonly #target: string
  readonly #files: TlsFiles | undefined
  readonly #servername: string | undefined
  readonly #proxy: HttpProxy | undefined
  /** The context that the session belongs to: with other certificates it is not used again. */
  #context: SecureContext | undefined
  /** The last TLS session. With it the next handshake needs no certificates. */
  #session: Buffer | undefined
  /** All sockets read into it in turn. A new buffer for each read would cost garbage collection. */
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BYTES)

  constructor(origin: string, { place, tls, proxy }: Access) {
    const { protocol, hostname, port } = new URL(origin)
    this.#isTls = protocol === 'https:'
    this.#host = hostname.replace(/^\[(.*)\]$/, '$1')
    this.#port = port === '' ? (this.#isTls ? 443 : 80) : Number(port)
    this.#target = `${hostname}:${this.#port}`
    this.#files =
      this.#isTls && tls !== undefined ? new TlsFiles(tls, { place: `${place}.tls` }) : undefined
    // RFC 6066, 3: no server name indication for IP addresses.
    this.#servername = tls?.servername ?? (isIP(this.#host) === 0 ? this.#host : undefined)
    this.#proxy = proxy === undefined ? undefined : new HttpProxy(proxy, `${place}.proxy`)
  }

  /** @throws {ConnectorError} InvalidConfiguration if the certificates can't be used */
  async check(): Promise<void> {
    await this.#files?.context()
  }

  /** A promise only if files have to be read or a proxy has to answer first. */
  open(user: SocketUser): Socket | Promise<Socket> {
    if (this.#files !== undefined || this.#proxy !== undefined) return this.#openInSteps(user)
    const options = this.#optionsFor(user)
    return this.#awaitReady(this.#isTls ? this.#openTls(options) : connectTcp(options), user)
  }

  async #openInSteps(user: SocketUser): Promise<Socket> {
    const context = await this.#files?.context()
    if (context !== this.#context) this.#session = undefined
    this.#context = context
    user.signal.throwIfAborted()
    const secure = context === undefined ? {} : { secureContext: context }
    if (this.#proxy === undefined) {
      return this.#awaitReady(this.#openTls({ ...this.#optionsFor(user), ...secure }), user)
    }
    const tunnel = await this.#proxy.open(this.#target, user.signal)
    tunnel.setNoDelay(true)
    tunnel.setKeepAlive(true, PROBE_AFTER_MS)
    if (this.#isTls) {
      const socket = this.#openTls({ host: this.#host, socket: tunnel, ...secure })
      // Closing one of the two closes the other, whatever state the handshake is in.
      tunnel.on('error', (error) => socket.destroy(error))
      tunnel.once('close', () => socket.destroy())
      socket.once('close', () => tunnel.destroy())
      socket.once('secureConnect', () => user.ready())
      return socket.on('data', (bytes: Buffer) => user.take(bytes))
    }
    setImmediate(() => user.ready())
    return tunnel.on('data', (bytes: Buffer) => user.take(bytes))
  }

  #optionsFor(user: SocketUser) {
    return {
      host: this.#host,
      port: this.#port,
      onread: {
        buffer: this.#readBuffer,
        callback: (bytes: number, buffer: Uint8Array) => {
          user.take(Buffer.from(buffer.buffer, buffer.byteOffset, bytes))
          return true
        },
      },
    }
  }

  #awaitReady(socket: Socket, user: SocketUser): Socket {
    return socket.once(this.#isTls ? 'secureConnect' : 'connect', () => {
      // Set here and not in the options, because TLS sockets ignore them.
      socket.setNoDelay(true)
      socket.setKeepAlive(true, PROBE_AFTER_MS)
      user.ready()
    })
  }

  #openTls(options: ConnectionOptions): Socket {
    const socket = connectTls({
      ...options,
      ...(this.#servername === undefined ? {} : { servername: this.#servername }),
      ...(this.#session === undefined ? {} : { session: this.#session }),
      ALPNProtocols: ['http/1.1'],
    })
    const context = this.#context
    socket.on('session', (session) => {
      if (context === this.#context) this.#session = session
    })
    socket.on('error', () => {
      // The peer may not accept the session.
      this.#session = undefined
    })
    return socket
  }
}
