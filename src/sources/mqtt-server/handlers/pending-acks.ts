/**
 * The acknowledgements one connection owes, as bytes ready to be sent, in the order the messages
 * came [MQTT-4.6.0-2], divided by the commit cycle that lets them go:
 *
 *     bytes:   PUBACK PUBACK PUBREC │ PUBACK PUBACK │ (free)
 *                       ends[0] ────┘      ends[1] ─┘
 *              cycles[0] = 7           cycles[1] = 8
 */
import { NO_CYCLE } from '../../source.ts'
import { PacketType } from '../packets/protocol.ts'

const FIRST_BYTES = 256
const EMPTY = Buffer.alloc(0)
/** Above this, the buffer is given up once it is empty. */
const KEPT_BYTES = 16_384

export class PendingAcks {
  #bytes: Buffer = EMPTY
  #length = 0
  #cycles: number[] = []
  #ends: number[] = []
  /** How many PUBACKs each segment has. */
  #counts: number[] = []
  /** How many PUBACKs wait. */
  pubackCount = 0

  get isEmpty(): boolean {
    return this.#length === 0
  }

  /** Adds one for a message of `cycle`; cycles never descend. `first` is PUBACK's or PUBREC's first byte. */
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

  /** Adds one that is written already: with a reason code, or for a message that waits for no commit. */
  addEncoded(cycle: number, acknowledgement: Buffer): void {
    if (this.#length + acknowledgement.length > this.#bytes.length) {
      this.#grow(acknowledgement.length)
    }
    acknowledgement.copy(this.#bytes, this.#length)
    this.#length += acknowledgement.length
    this.#mark(cycle, acknowledgement[0] ?? 0)
  }

  /** What was added last waits for `cycle` as well: its message has changed sessions in it. */
  waitFor(cycle: number): void {
    const last = this.#cycles.length - 1
    if (last >= 0 && (this.#cycles[last] ?? 0) < cycle) this.#cycles[last] = cycle
  }

  /** Takes out, as a copy, all that wait for `cycle` or one before it. Undefined when none does. */
  take(cycle: number): Buffer | undefined {
    let taken = 0
    while (taken < this.#cycles.length && (this.#cycles[taken] ?? 0) <= cycle) taken++
    if (taken === 0) return undefined
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
    }
    this.pubackCount += count
  }

  #remove(segments: number, end: number): void {
    if (segments === this.#cycles.length) {
      this.#length = 0
      this.#cycles.length = 0
      this.#ends.length = 0
      this.#counts.length = 0
      this.pubackCount = 0
      if (this.#bytes.length > KEPT_BYTES) this.#bytes = EMPTY
      return
    }
    this.#bytes.copyWithin(0, end, this.#length)
    this.#length -= end
    this.#cycles.splice(0, segments)
    this.#ends.splice(0, segments)
    for (let i = 0; i < this.#ends.length; i++) this.#ends[i] = (this.#ends[i] ?? 0) - end
    for (const count of this.#counts.splice(0, segments)) this.pubackCount -= count
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
 * The acknowledgements of MQTT 5 for a cycle that was not stored: those of its messages are the
 * plain ones of four bytes, and get `reasonCode`. Packet ids of failed PUBRECs are given to
 * `released`, for with a failure code the exchange ends there [MQTT-4.3.3-1].
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
