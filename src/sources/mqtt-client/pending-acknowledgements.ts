/**
 * The acknowledgements of one connection that are not sent yet, in the order of their messages
 * [MQTT-4.6.0-2]. Each waits for the commit cycle of its message; those of one cycle are written at
 * once.
 *
 *   pending:  ⟨7: PUBACK 1⟩ ⟨7: PUBREC 2⟩ ⟨8: PUBACK 3⟩     committed(7) → PUBACK 1, PUBREC 2
 */
export const PUBACK = 0x40
export const PUBREC = 0x50
export type AcknowledgementType = typeof PUBACK | typeof PUBREC

export interface PendingAcknowledgement {
  readonly cycle: number
  readonly type: AcknowledgementType
  readonly packetId: number
  /** A reason code of MQTT 5; 0 is success. */
  readonly reasonCode: number
}

export class PendingAcknowledgements {
  readonly #withReasonCodes: boolean
  #pending: PendingAcknowledgement[] = []

  /** `withReasonCodes`: whether the connection speaks MQTT 5. */
  constructor(withReasonCodes: boolean) {
    this.#withReasonCodes = withReasonCodes
  }

  get count(): number {
    return this.#pending.length
  }

  /** The cycle that the newest one waits for; -1 if there is none. */
  get newestCycle(): number {
    return this.#pending.at(-1)?.cycle ?? -1
  }

  /** The cycle that the oldest one waits for; -1 if there is none. */
  get oldestCycle(): number {
    return this.#pending[0]?.cycle ?? -1
  }

  add(acknowledgement: PendingAcknowledgement): void {
    this.#pending.push(acknowledgement)
  }

  clear(): void {
    this.#pending = []
  }

  /**
   * Removes those that wait for `cycle` or an earlier one, and returns their packets; empty if
   * none.
   */
  release(cycle: number): Buffer {
    const firstHeld = this.#pending.findIndex((pending) => pending.cycle > cycle)
    const free = this.#pending.splice(0, firstHeld === -1 ? this.#pending.length : firstHeld)
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
