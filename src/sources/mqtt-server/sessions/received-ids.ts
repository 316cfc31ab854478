/**
 * The packet ids of QoS 2 messages that one client has sent and not released (section 4.3.3), each
 * with the commit cycle of its message. MQTT 3.1.1 lets a client leave all 65,535 unreleased, so
 * ids whose cycle has been reported become bits, 8 KiB for all of them:
 *
 *     add ──▶ waiting: id → cycle ──cycle reported──▶ finished: bits ──PUBREL──▶ removed
 *     restored from the store ──▶ before: bits ─────────────────────────────────────┘
 */
import { NO_CYCLE } from '../../source.ts'

/**
 * Instead of a commit cycle, for a QoS 2 message that was stored before the server last started.
 */
export const STORED_BEFORE = -2
const PACKET_IDS = 65_536
const MIN_WAITING = 256

export class ReceivedIds {
  #waiting = new Map<number, number>()
  readonly #finished = new IdBits()
  readonly #before = new IdBits()
  /** When this many wait, those that are finished become bits. */
  #compactAt = MIN_WAITING

  get size(): number {
    return this.#waiting.size + this.#finished.size + this.#before.size
  }

  /** `finishedCycle` is the last cycle that has been reported. */
  add(packetId: number, cycle: number, finishedCycle: number): void {
    this.delete(packetId)
    if (cycle === STORED_BEFORE) {
      this.#before.add(packetId)
      return
    }
    this.#waiting.set(packetId, cycle)
    if (this.#waiting.size >= this.#compactAt) this.#compact(finishedCycle)
  }

  /** `NO_CYCLE` if the cycle has been reported; undefined if the id is not there. */
  cycleOf(packetId: number): number | undefined {
    const cycle = this.#waiting.get(packetId)
    if (cycle !== undefined) return cycle
    if (this.#finished.has(packetId)) return NO_CYCLE
    return this.#before.has(packetId) ? STORED_BEFORE : undefined
  }

  delete(packetId: number): boolean {
    return (
      this.#waiting.delete(packetId) ||
      this.#finished.delete(packetId) ||
      this.#before.delete(packetId)
    )
  }

  /** The ids of messages in `cycle`, which has not been reported. */
  idsOf(cycle: number): number[] {
    return [...this.#waiting].filter(([, other]) => other === cycle).map(([id]) => id)
  }

  #compact(finishedCycle: number): void {
    for (const [packetId, cycle] of this.#waiting) {
      if (cycle > finishedCycle && cycle !== NO_CYCLE) continue
      this.#waiting.delete(packetId)
      this.#finished.add(packetId)
    }
    this.#compactAt = Math.max(MIN_WAITING, 2 * this.#waiting.size)
  }
}

/** A set of packet ids. Its memory is made with the first one. */
class IdBits {
  size = 0
  #words: Uint32Array | undefined

  has(packetId: number): boolean {
    const word = this.#words?.[packetId >>> 5] ?? 0
    return (word & (1 << (packetId & 31))) !== 0
  }

  add(packetId: number): void {
    if (this.has(packetId)) return
    this.#words ??= new Uint32Array(PACKET_IDS / 32)
    this.#words[packetId >>> 5] = (this.#words[packetId >>> 5] ?? 0) | (1 << (packetId & 31))
    this.size++
  }

  delete(packetId: number): boolean {
    if (this.#words === undefined || !this.has(packetId)) return false
    this.#words[packetId >>> 5] = (this.#words[packetId >>> 5] ?? 0) & ~(1 << (packetId & 31))
    this.size--
    if (this.size === 0) this.#words = undefined
    return true
  }
}
