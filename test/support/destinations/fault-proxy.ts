/**
 * Stands between a destination and its server, and makes the network fail as a test asks. A server
 * that tells clients where to connect must name the proxy's port.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { resetSocket } from '../servers/reset-socket.ts'
import type { Cleanup } from '../servers/server-process.ts'

/**
 * `hang`: nothing goes through. `lose-answers`: requests go through, and their connection is cut
 * when the answer comes. `cut`: connections are cut, and new ones too.
 */
export type FaultMode = 'pass' | 'hang' | 'lose-answers' | 'cut'

export interface FaultProxyOptions {
  /** Of the proxy; by default a free one. */
  readonly port?: number
  /** The server's port, if it is known already. */
  readonly target?: number
}

export class FaultProxy {
  readonly port: number
  /** The server's port. */
  target: number
  readonly #sockets = new Set<Socket>()
  #mode: FaultMode = 'pass'
  #delayMs = 0
  #onReached: (() => void) | undefined

  private constructor(server: Server, target: number) {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    this.port = address.port
    this.target = target
    server.on('connection', (client) => this.#join(client))
  }

  static async start(
    t: Cleanup,
    { port = 0, target = 0 }: FaultProxyOptions = {},
  ): Promise<FaultProxy> {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new FaultProxy(server, target)
    t.after(() => {
      proxy.cut()
      server.close()
    })
    return proxy
  }

  /** How many sockets are open, on both sides. */
  get sockets(): number {
    return this.#sockets.size
  }

  set(mode: FaultMode): void {
    // Connections of which bytes were held back are of no use any more.
    if (this.#mode === 'hang' || mode === 'cut') this.cut()
    this.#mode = mode
    this.#delayMs = 0
  }

  /** Answers come later by this time, until the next `set`. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs
  }

  /** Cuts the connections that are open now. */
  cut(): void {
    for (const socket of this.#sockets) resetSocket(socket)
  }

  /** Resolves when bytes of a client have arrived. */
  reached(): Promise<void> {
    return new Promise((resolve) => {
      this.#onReached = resolve
    })
  }

  #join(client: Socket): void {
    client.on('error', () => {})
    if (this.#mode === 'cut') {
      client.resetAndDestroy()
      return
    }
    const upstream = connect(this.target, '127.0.0.1')
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (bytes) => {
      this.#onReached?.()
      if (this.#mode !== 'hang') upstream.write(bytes)
    })
    client.on('end', () => upstream.end())
    this.#passAnswers(upstream, client)
  }

  #passAnswers(upstream: Socket, client: Socket): void {
    let passed = Promise.resolve()
    const inOrder = (pass: () => void) => {
      const delayMs = this.#delayMs
      passed = passed.then(async () => {
        if (delayMs > 0) await delay(delayMs)
        pass()
      })
    }
    upstream.on('data', (bytes) => {
      if (this.#mode === 'lose-answers') resetSocket(client)
      else if (this.#mode !== 'hang') inOrder(() => client.write(bytes))
    })
    upstream.on('end', () => inOrder(() => client.end()))
  }
}
