/**
 * The acknowledgements one connection owes, in the order its messages came [MQTT-4.6.0-2], each
 * waiting for the commit cycle of its message. What one cycle sets free goes out in one write.
 *
 *   owed:  ⟨7: PUBACK 1⟩ ⟨7: PUBREC 2⟩ ⟨8: PUBACK 3⟩     committed(7) → PUBACK 1, PUBREC 2
 */
export const PUBACK = 0x40
export const PUBREC = 0x50
export type AcknowledgementType = typeof PUBACK | typeof PUBREC

interface Owed {
  readonly cycle: number
  readonly type: AcknowledgementType
  readonly packetId: number
  /** Of MQTT 5; 0 is success. */
  readonly reasonCode: number
}

export class OwedAcknowledgements {
  readonly #withReasonCodes: boolean
  #owed: Owed[] = []

  /** `withReasonCodes`: whether the connection is one of MQTT 5. */
  constructor(withReasonCodes: boolean) {
    this.#withReasonCodes = withReasonCodes
  }

  get count(): number {
    return this.#owed.length
  }

  /** The cycle that the newest waits for; -1 when nothing is owed. */
  get newestCycle(): number {
    return this.#owed.at(-1)?.cycle ?? -1
  }

  /** The cycle that the oldest waits for; -1 when nothing is owed. */
  get oldestCycle(): number {
    return this.#owed[0]?.cycle ?? -1
  }

  owe(cycle: number, type: AcknowledgementType, packetId: number, reasonCode: number): void {
    this.#owed.push({ cycle, type, packetId, reasonCode })
  }

  clear(): void {
    this.#owed = []
  }

  /** The packets for all that waited for `cycle` or one before, ready to be written; empty if none. */
  release(cycle: number): Buffer {
    const firstHeld = this.#owed.findIndex((owed) => owed.cycle > cycle)
    const free = this.#owed.splice(0, firstHeld === -1 ? this.#owed.length : firstHeld)
    const packets = Buffer.allocUnsafe(free.length * 5)
    let end = 0
    for (const { type, packetId, reasonCode } of free) {
      const hasReason = this.#withReasonCodes && reasonCode !== 0
      packets[end] = type
      packets[end + 1] = hasReason ? 3 : 2
      packets.writeUInt16BE(packetId, end + 2)
      end += 4
      if (hasReason) packets[end++] = reasonCode
    }
    return packets.subarray(0, end)
  }
}
