/**
 * The acknowledgements that one connection has to send, as bytes, in the order of the messages
 * [MQTT-4.6.0-2], divided by the commit cycle that they wait for:
 *
 *     bytes:   PUBACK PUBACK PUBREC │ PUBACK PUBACK │ (free)
 *                       ends[0] ────┘      ends[1] ─┘
 *              cycles[0] = 7           cycles[1] = 8
 */
import { NO_CYCLE } from '../../source.ts'
import type { AckDelays } from '../broker/ack-delays.ts'
import { PacketType } from '../packets/protocol.ts'

const FIRST_BYTES = 256
const EMPTY = Buffer.alloc(0)
/** A larger buffer is released when it is empty. */
const KEPT_BYTES = 16_384

export class PendingAcks {
  #bytes: Buffer = EMPTY
  #length = 0
  #cycles: number[] = []
  #ends: number[] = []
  /** The number of PUBACKs in each part. */
  #counts: number[] = []
  /** When the first message of each part came; see `Clock.monotonic`. */
  #times: number[] = []
  readonly #delays: AckDelays | undefined
  /** The number of PUBACKs that wait. */
  pubackCount = 0

  constructor(delays?: AckDelays) {
    this.#delays = delays
  }

  get isEmpty(): boolean {
    return this.#length === 0
  }

  /** Adds one that waits for `cycle`. `first` is the first byte of PUBACK or PUBREC. */
  add(cycle: number, first: number, packetId: number): void {
    const at = this.#length
    if (at + 4 > this.#bytes.length) this.#grow(4)
    const bytes = this.#bytes
    bytes[at] = first
    bytes[at + 1] = 2
    bytes[at + 2] = packetId >> 8
    bytes[at + 3] = packetId & 0xff
    this.#length = at + 4
    this.#mark(cycle, first)
  }

  /** Adds an encoded packet: one with a reason code, or one that waits for no commit. */
  addEncoded(cycle: number, acknowledgement: Buffer): void {
    if (this.#length + acknowledgement.length > this.#bytes.length) {
      this.#grow(acknowledgement.length)
    }
    acknowledgement.copy(this.#bytes, this.#length)
    this.#length += acknowledgement.length
    this.#mark(cycle, acknowledgement[0] ?? 0)
  }

  /**
   * The last one added waits for `cycle` as well: its message has changed sessions in that cycle.
   */
  waitFor(cycle: number): void {
    const last = this.#cycles.length - 1
    if (last >= 0 && (this.#cycles[last] ?? 0) < cycle) this.#cycles[last] = cycle
  }

  /**
   * Removes and returns all that wait for `cycle` or an earlier one; undefined if there are none.
   * @param isStored whether they say that their messages are stored
   */
  take(cycle: number, isStored = true): Buffer | undefined {
    let taken = 0
    while (taken < this.#cycles.length && (this.#cycles[taken] ?? 0) <= cycle) taken++
    if (taken === 0) return undefined
    if (isStored) this.#noteDelays(taken)
    const end = this.#ends[taken - 1] ?? 0
    const bytes = Buffer.allocUnsafe(end)
    this.#bytes.copy(bytes, 0, 0, end)
    this.#remove(taken, end)
    return bytes
  }

  clear(): void {
    this.#remove(this.#cycles.length, this.#length)
  }

  #mark(cycle: number, first: number): void {
    const count = first >> 4 === PacketType.puback ? 1 : 0
    const last = this.#cycles.length - 1
    const lastCycle = this.#cycles[last] ?? NO_CYCLE
    if (last >= 0 && lastCycle >= cycle) {
      this.#ends[last] = this.#length
      this.#counts[last] = (this.#counts[last] ?? 0) + count
    } else {
      this.#cycles.push(cycle)
      this.#ends.push(this.#length)
      this.#counts.push(count)
      if (this.#delays !== undefined) this.#times.push(this.#delays.now())
    }
    this.pubackCount += count
  }

  #noteDelays(parts: number): void {
    if (this.#delays === undefined) return
    for (let i = 0; i < parts; i++) {
      const count = this.#counts[i] ?? 0
      if (count > 0) this.#delays.sent(count, this.#times[i] ?? 0)
    }
  }

  #remove(parts: number, end: number): void {
    if (parts === this.#cycles.length) {
      this.#length = 0
      this.#cycles.length = 0
      this.#ends.length = 0
      this.#counts.length = 0
      this.#times.length = 0
      this.pubackCount = 0
      if (this.#bytes.length > KEPT_BYTES) this.#bytes = EMPTY
      return
    }
    this.#bytes.copyWithin(0, end, this.#length)
    this.#length -= end
    this.#cycles.splice(0, parts)
    this.#times.splice(0, parts)
    this.#ends.splice(0, parts)
    for (let i = 0; i < this.#ends.length; i++) this.#ends[i] = (this.#ends[i] ?? 0) - end
    for (const count of this.#counts.splice(0, parts)) this.pubackCount -= count
  }

  #grow(needed: number): void {
    const size = Math.max(FIRST_BYTES, 2 * this.#bytes.length, this.#length + needed)
    const grown = Buffer.allocUnsafeSlow(size)
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

function packetLength(bytes: Buffer, at: number): number {
  const low = bytes[at + 1] ?? 0
  return low < 0x80 ? 2 + low : 3 + (low & 0x7f) + (bytes[at + 2] ?? 0) * 128
}

/**
 * Turns the acknowledgements of a cycle that was not stored into refusals of MQTT 5. Only packets
 * of four bytes acknowledge a message of the cycle; they get `reasonCode`. `released` is called
 * with the packet ids of refused PUBRECs, because a failure code ends the exchange [MQTT-4.3.3-1].
 */
export function withFailure(
  acknowledgements: Buffer,
  reasonCode: number,
  released: (packetId: number) => void,
): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < acknowledgements.length; ) {
    const end = at + packetLength(acknowledgements, at)
    const packet = acknowledgements.subarray(at, end)
    at = end
    if (packet[1] !== 2) {
      parts.push(packet)
      continue
    }
    parts.push(Buffer.from([packet[0] ?? 0, 3, packet[2] ?? 0, packet[3] ?? 0, reasonCode]))
    if ((packet[0] ?? 0) >> 4 === PacketType.pubrec) released(packet.readUInt16BE(2))
  }
  return Buffer.concat(parts)
}
