/** Counts the messages that the server refused, by reason code of MQTT 5. */

/** The meaning of the codes in PUBACK and PUBREC (MQTT 5, tables 3-4 and 3-5). */
const MEANINGS: Readonly<Record<number, string>> = {
  128: 'the server gives no reason',
  131: 'the server has a reason that MQTT does not define',
  135: 'not authorized to publish to the topic',
  144: 'no message may be published to the topic',
  145: 'the packet id is in use',
  151: 'a limit is reached',
  153: 'the message has the wrong format',
}

interface Refused {
  count: number
  /** Of the first such message. */
  readonly reason: string | undefined
}

export class RefusalTally {
  readonly #refused = new Map<number, Refused>()

  get count(): number {
    let count = 0
    for (const refused of this.#refused.values()) count += refused.count
    return count
  }

  /** @param reason the reason string beside the code */
  add(code: number, reason: string | undefined): void {
    const known = this.#refused.get(code)
    if (known === undefined) this.#refused.set(code, { count: 1, reason })
    else known.count += 1
  }

  /** One entry for each code; `reason` is that of its first message. */
  list(): { reasonCode: string; reason: string | undefined; count: number }[] {
    return [...this.#refused].map(([code, { count, reason }]) => {
      return { reasonCode: hex(code), reason, count }
    })
  }

  /** One line for each code, such as `refused: 3 with reason code 0x97 (a limit is reached): …`. */
  lines(): string[] {
    return [...this.#refused].map(([code, { count, reason }]) => {
      const meaning = MEANINGS[code] ?? 'a code that MQTT does not define for PUBACK'
      const detail = reason === undefined ? '' : `: ${reason}`
      return `refused: ${count} with reason code ${hex(code)} (${meaning})${detail}`
    })
  }
}

export function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`
}
