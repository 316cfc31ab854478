/**
 * Stands between a client and a server, and misbehaves when a test asks: it cuts all connections,
 * holds everything back, or forwards what clients send and cuts them when the server answers.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { resetSocket } from './reset-socket.ts'
import type { Cleanup } from './server-process.ts'

export class Relay {
  readonly #server: Server
  readonly #target: number
  readonly #sockets = new Set<Socket>()
  #isHanging = false
  #losesAnswers: ((sent: Buffer) => boolean) | undefined
  #onReached: (() => void) | undefined

  private constructor(target: number) {
    this.#target = target
    this.#server = createServer((client) => this.#accept(client))
  }

  static async start(t: Cleanup, target: number): Promise<Relay> {
    const relay = new Relay(target)
    relay.#server.listen(0, '127.0.0.1')
    await once(relay.#server, 'listening')
    t.after(() => {
      relay.cut()
      relay.#server.close()
    })
    return relay
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return address.port
  }

  /** Ends all connections. New ones work. */
  cut(): void {
    for (const socket of this.#sockets) resetSocket(socket)
  }

  /** Nothing passes until `resume`; what was held back is lost with its connection. */
  hang(): void {
    this.#isHanging = true
  }

  resume(): void {
    this.#isHanging = false
    this.cut()
  }

  /** Resolves when a client sends something, also if nothing passes. */
  reached(): Promise<void> {
    return new Promise((resolve) => {
      this.#onReached = resolve
    })
  }

  /** Once something is sent that `matches`, it is forwarded, but its answer is lost, once. */
  loseAnswerTo(matches: (sent: Buffer) => boolean): void {
    this.#losesAnswers = matches
  }

  #accept(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1')
    let isLost = false
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      from.on('data', (bytes) => {
        if (from === client) this.#onReached?.()
        if (this.#isHanging) return
        if (from === server && isLost) return this.cut()
        if (from === client && this.#losesAnswers?.(bytes) === true) {
          isLost = true
          this.#losesAnswers = undefined
        }
        to.write(bytes)
      })
    }
  }
}
