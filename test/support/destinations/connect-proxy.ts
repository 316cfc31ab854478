/**
 * An HTTP proxy that only knows CONNECT, and misbehaves as a test asks. It leads to any host on
 * this machine.
 *
 *     const proxy = await ConnectProxy.start(t, { user: 'plant', password: 'p@ss' })
 *     proxy.next((socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'))
 */
import { connect, createServer, type Server, type Socket } from 'node:net'

interface Cleanup {
  after(release: () => Promise<void>): void
}

export interface ProxyOptions {
  readonly user?: string
  readonly password?: string
  /** Names that the proxy resolves to 127.0.0.1, with the real port. */
  readonly resolves?: readonly string[]
}

export class ConnectProxy {
  /** The targets of all CONNECT requests. */
  readonly targets: string[] = []
  /** Connections of clients, open or closed. */
  readonly sockets: Socket[] = []
  readonly #server: Server
  readonly #options: ProxyOptions
  readonly #scripts: ((socket: Socket) => void)[] = []

  private constructor(options: ProxyOptions) {
    this.#options = options
    this.#server = createServer((socket) => this.#accept(socket))
  }

  static async start(t: Cleanup, options: ProxyOptions = {}): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(options)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    t.after(() => proxy.stop())
    return proxy
  }

  async stop(): Promise<void> {
    this.dropAll()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get address(): string {
    const address = this.#server.address()
    return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  }

  get url(): string {
    const { user, password = '' } = this.#options
    const who = user === undefined ? '' : `${user}:${encodeURIComponent(password)}@`
    return `http://${who}${this.address}`
  }

  /** What to do with the next CONNECT requests instead of opening a tunnel. */
  next(...scripts: readonly ((socket: Socket) => void)[]): void {
    this.#scripts.push(...scripts)
  }

  /** Ends all tunnels, as a proxy that is restarted does. */
  dropAll(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    this.sockets.push(socket)
    socket.on('error', () => {})
    let head = ''
    const take = (bytes: Buffer) => {
      head += bytes.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      socket.removeListener('data', take)
      this.#answer(socket, head)
    }
    socket.on('data', take)
  }

  #answer(socket: Socket, head: string): void {
    const target = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head)?.[1] ?? ''
    this.targets.push(target)
    const script = this.#scripts.shift()
    if (script !== undefined) {
      script(socket)
      return
    }
    const { user, password = '', resolves = [] } = this.#options
    const secret = Buffer.from(`${user}:${password}`).toString('base64')
    if (user !== undefined && !head.includes(`\r\nproxy-authorization: Basic ${secret}\r\n`)) {
      return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    }
    const [host = '', port] = target.split(':')
    const upstream = connect(Number(port), resolves.includes(host) ? '127.0.0.1' : host)
    upstream.on('error', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
    upstream.on('close', () => socket.destroy())
    upstream.once('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(upstream).pipe(socket)
    })
  }
}
