/**
 * Proxies in front of the server: which ones are believed, and which client a connection is for.
 *
 *     proxy ──connects──▶ trusted? ──▶ PROXY header ──▶ limits per address ──▶ TLS, WebSocket, MQTT
 */
import { BlockList, isIP, isIPv4, type Server, type Socket } from 'node:net'
import { withoutMapping } from '../../../addresses.ts'
import type { Clock } from '../../../clock.ts'
import { type ConnectionLimits, type Peer, remoteOf } from '../limits/connection-limits.ts'
import type { ProxyOptions } from '../options.ts'
import { readProxyHeader } from './proxy-header.ts'

export interface ProxiesOptions {
  readonly proxy: ProxyOptions
  readonly limits: ConnectionLimits
  readonly clock: Clock
  readonly timeoutMs: number
  readonly onRefused: (remote: string, reason: string) => void
}

const EMPTY = Buffer.alloc(0)

export class Proxies {
  readonly #options: ProxiesOptions
  readonly #trusted = new BlockList()

  constructor(options: ProxiesOptions) {
    this.#options = options
    for (const range of options.proxy.trusted) {
      const [address = '', bits] = range.split('/')
      const family = isIPv4(address) ? 'ipv4' : 'ipv6'
      if (bits === undefined) this.#trusted.addAddress(address, family)
      else this.#trusted.addSubnet(address, Number(bits), family)
    }
  }

  /** Returns whether a connection that was just accepted may stay. If not, it has been closed. */
  admits(socket: Socket): boolean {
    const { limits, onRefused } = this.#options
    const { remoteAddress } = socket
    // One that has gone already, such as a health check, is closed there.
    if (remoteAddress === undefined || this.#isTrusted(remoteAddress)) {
      return limits.admitProxy(socket)
    }
    const remote = remoteOf(socket)
    socket.destroy()
    onRefused(remote, 'this port is for proxies, and its address is not in proxy.trusted')
    return false
  }

  /** The server sees a connection only when its PROXY header has been read. */
  readHeadersOf(server: Server): void {
    const handlers = server.listeners('connection')
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      if (!this.admits(socket)) return
      this.#readHeader(socket, () => {
        for (const handle of handlers) handle.call(server, socket)
      })
    })
  }

  /**
   * The client in `X-Forwarded-For`: the last address that is not a trusted proxy's, because
   * everything before it may have been written by the client.
   */
  forwardedClient(header: string | readonly string[] | undefined): Peer | undefined {
    const hops = String(header ?? '').split(',')
    for (let hop = hops.pop(); hop !== undefined; hop = hops.pop()) {
      const address = hop.trim()
      if (isIP(address) === 0) return undefined
      if (hops.length === 0 || !this.#isTrusted(address)) return { address, remote: address }
    }
    return undefined
  }

  #isTrusted(address: string): boolean {
    const plain = withoutMapping(address)
    return isIP(plain) !== 0 && this.#trusted.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6')
  }

  #readHeader(socket: Socket, next: () => void): void {
    const { clock, timeoutMs } = this.#options
    let bytes: Buffer = EMPTY
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
      const header = readProxyHeader(bytes)
      if (header === 'incomplete') return
      stop()
      if ('fault' in header) this.#refuse(socket, header.fault)
      else if (this.#identify(socket, header.client)) handOver(socket, header.length)
    }
    const onEnd = (): void => {
      stop()
      socket.destroy()
    }
    const deadline = clock.after(timeoutMs, () => {
      stop()
      this.#refuse(socket, 'sent no PROXY protocol header in time')
    })
    const stop = (): void => {
      deadline.cancel()
      socket.off('data', onData).off('end', onEnd).off('close', stop)
      socket.pause()
    }
    const handOver = (from: Socket, headerBytes: number): void => {
      if (bytes.length > headerBytes) from.unshift(bytes.subarray(headerBytes))
      next()
      process.nextTick(() => from.resume())
    }
    socket.on('error', () => socket.destroy())
    socket.on('data', onData).on('end', onEnd).on('close', stop)
  }

  #identify(
    socket: Socket,
    client: { readonly address: string; readonly port: number } | undefined,
  ): boolean {
    const { limits } = this.#options
    if (client === undefined) return limits.identify(socket, limits.peerOf(socket))
    const { address, port } = client
    return limits.identify(socket, { address, remote: `${address}:${port}` })
  }

  #refuse(socket: Socket, reason: string): void {
    const remote = remoteOf(socket)
    socket.destroy()
    this.#options.onRefused(remote, reason)
  }
}
