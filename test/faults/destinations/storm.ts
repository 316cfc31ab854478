/** Makes a proxy fail at random: for up to 100 ms, up to 300 ms after the last time. */
import { setTimeout as delay } from 'node:timers/promises'
import type { FaultProxy } from '../../support/destinations/fault-proxy.ts'

type Fault = 'cut once' | 'cut' | 'lose-answers' | 'hang' | 'slow'

const FAULTS: readonly Fault[] = ['cut once', 'cut', 'lose-answers', 'hang', 'slow']
const LONGEST_FAULT_MS = 100
const LONGEST_PAUSE_MS = 300
const SLOW_BY_MS = 20

/** In ms since 1970. */
export interface Span {
  readonly from: number
  readonly to: number
}

export class Storm {
  /** How often each fault occurred while a connection was open. */
  readonly counts: Record<string, number> = {}
  /** When they were. */
  readonly spans: Span[] = []
  readonly #proxy: FaultProxy
  readonly #random: () => number
  #isOver = false
  readonly #blowing: Promise<void>

  constructor(proxy: FaultProxy, random: () => number) {
    this.#proxy = proxy
    this.#random = random
    this.#blowing = this.#blow()
  }

  /** Resolves when the proxy passes everything on. */
  async end(): Promise<void> {
    this.#isOver = true
    await this.#blowing
  }

  /** Cuts the connections that are open now. */
  cut(): void {
    const now = Date.now()
    this.#proxy.cut()
    this.spans.push({ from: now, to: now })
  }

  async #blow(): Promise<void> {
    while (!this.#isOver) {
      await delay(this.#random() * LONGEST_PAUSE_MS)
      const fault = FAULTS[Math.floor(this.#random() * FAULTS.length)] ?? 'cut'
      if (this.#proxy.sockets > 0) this.counts[fault] = (this.counts[fault] ?? 0) + 1
      const from = Date.now()
      await this.#cause(fault)
      this.spans.push({ from, to: Date.now() })
    }
  }

  async #cause(fault: Fault): Promise<void> {
    if (fault === 'cut once') {
      this.#proxy.cut()
      return
    }
    if (fault === 'slow') this.#proxy.slow(SLOW_BY_MS)
    else this.#proxy.set(fault)
    await delay(this.#random() * LONGEST_FAULT_MS)
    this.#proxy.set('pass')
  }
}
