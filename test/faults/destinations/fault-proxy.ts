/**
 * Stands between the connector and its peer, and fails at random: it cuts connections, loses the
 * peer's answers, delays them, and accepts no connections for a while.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Cleanup } from '../../support/servers/server-process.ts'

type Mood = 'well' | 'cut' | 'loses answers' | 'slow' | 'away'

const MOODS: readonly Mood[] = ['cut', 'loses answers', 'slow', 'away']
const LONGEST_MOOD_MS = 100
const LONGEST_WELL_MS = 300
const SLOW_BY_MS = 20

export class FaultProxy {
  /** The peer's port. */
  target = 0
  /** How often each fault occurred while a connection was open. */
  readonly faults: Record<string, number> = {}
  readonly port: number
  readonly #random: () => number
  readonly #sockets = new Set<Socket>()
  #mood: Mood = 'well'
  #isCalm = true
  #changing: Promise<void> = Promise.resolve()

  private constructor(server: Server, random: () => number) {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    this.port = address.port
    this.#random = random
    server.on('connection', (client) => this.#join(client))
  }

  static async start(t: Cleanup, random: () => number): Promise<FaultProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new FaultProxy(server, random)
    t.after(async () => {
      await proxy.calm()
      proxy.#cut()
      server.close()
    })
    return proxy
  }

  /** Begins to fail at random. */
  storm(): void {
    this.#isCalm = false
    this.#changing = this.#change()
  }

  /** From now on passes everything on. */
  async calm(): Promise<void> {
    this.#isCalm = true
    await this.#changing
  }

  async #change(): Promise<void> {
    while (!this.#isCalm) {
      await delay(this.#random() * LONGEST_WELL_MS)
      const mood = MOODS[Math.floor(this.#random() * MOODS.length)] ?? 'cut'
      if (this.#sockets.size > 0) this.faults[mood] = (this.faults[mood] ?? 0) + 1
      this.#mood = mood
      if (mood === 'cut' || mood === 'away') this.#cut()
      if (mood !== 'cut') await delay(this.#random() * LONGEST_MOOD_MS)
      // After answers were lost, the rest of the stream makes no sense any more.
      if (mood === 'loses answers') this.#cut()
      this.#mood = 'well'
    }
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  #join(client: Socket): void {
    client.on('error', () => {})
    if (this.#mood === 'away') {
      client.resetAndDestroy()
      return
    }
    const peer = connect(this.target, '127.0.0.1')
    for (const socket of [client, peer]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        peer.destroy()
      })
    }
    client.pipe(peer)
    this.#passAnswers(peer, client)
  }

  #passAnswers(peer: Socket, client: Socket): void {
    let passed = Promise.resolve()
    const inOrder = (pass: () => void, delayMs: number) => {
      passed = passed.then(async () => {
        if (delayMs > 0) await delay(delayMs)
        pass()
      })
    }
    peer.on('data', (chunk: Buffer) => {
      if (this.#mood === 'loses answers') return
      inOrder(() => client.write(chunk), this.#mood === 'slow' ? SLOW_BY_MS : 0)
    })
    peer.on('end', () => inOrder(() => client.end(), 0))
  }
}
