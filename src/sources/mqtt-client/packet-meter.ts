/**
 * Follows the packets in the bytes that a broker sends, without keeping any of them, and notices
 * those that are too long. MQTT.js would collect a packet of up to 256 MB before it hands it over.
 *
 *     type │ remaining length │ topic length │ topic, packet id │ property length │ …
 *                                └─────────── PUBLISH of MQTT 5 ───────────┘
 */

/** Longer messages than 128 KB are refused with a receipt; much longer ones are not read. */
export const MAX_PUBLISH_BYTES = 1_048_576 + 65_536
/** Brokers may put several packets into one message. */
export const MAX_WEB_SOCKET_BYTES = 2 * MAX_PUBLISH_BYTES
/** Of all packets but PUBLISH: a few codes, a reason. */
const MAX_OTHER_BYTES = 65_536
/** The properties of one message, correlation data included. */
const MAX_PROPERTY_BYTES = 131_072

const PUBLISH = 3

type State = 'type' | 'length' | 'topicHigh' | 'topicLow' | 'propertyLength'

export class PacketMeter {
  readonly #hasProperties: boolean
  #state: State = 'type'
  #first = 0
  /** The variable byte integer being read. */
  #value = 0
  #factor = 1
  #topicBytes = 0
  /** Bytes of the packet that are left. */
  #left = 0
  /** Bytes that come before the next field. */
  #skip = 0

  constructor(protocolVersion: 4 | 5) {
    this.#hasProperties = protocolVersion === 5
  }

  /** Returns what is too long, in words that go after "the broker sent". */
  take(bytes: Buffer): string | undefined {
    for (let at = 0; at < bytes.length; ) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at)
        this.#skip -= skipped
        at += skipped
        continue
      }
      const excess = this.#takeByte(bytes[at] ?? 0)
      if (excess !== undefined) return excess
      at += 1
    }
    return undefined
  }

  #takeByte(byte: number): string | undefined {
    switch (this.#state) {
      case 'type':
        this.#first = byte
        this.#expectInteger('length')
        return undefined
      case 'length':
        return this.#isWhole(byte) ? this.#lengthIs(this.#value) : undefined
      case 'topicHigh':
        this.#topicBytes = byte << 8
        this.#state = 'topicLow'
        return undefined
      case 'topicLow':
        this.#topicIs(this.#topicBytes | byte)
        return undefined
      case 'propertyLength':
        this.#left -= 1
        if (this.#isWhole(byte)) return this.#propertiesAre(this.#value)
        if (this.#left === 0) this.#state = 'type'
        return undefined
    }
  }

  #lengthIs(length: number): string | undefined {
    const isPublish = this.#first >> 4 === PUBLISH
    const max = isPublish ? MAX_PUBLISH_BYTES : MAX_OTHER_BYTES
    if (length > max) return `a packet of ${length} bytes; at most ${max} are accepted`
    this.#left = length
    if (isPublish && this.#hasProperties && length >= 2) this.#state = 'topicHigh'
    else this.#skipRest()
    return undefined
  }

  #topicIs(topicBytes: number): void {
    const hasId = ((this.#first >> 1) & 3) > 0
    const before = topicBytes + (hasId ? 2 : 0)
    this.#left -= 2
    // A topic that runs past the packet is malformed, which MQTT.js notices.
    if (before >= this.#left) {
      this.#skipRest()
      return
    }
    this.#skip = before
    this.#left -= before
    this.#expectInteger('propertyLength')
  }

  #propertiesAre(bytes: number): string | undefined {
    if (bytes > MAX_PROPERTY_BYTES) {
      return `${bytes} bytes of properties with a message; at most ${MAX_PROPERTY_BYTES} are accepted`
    }
    this.#skipRest()
    return undefined
  }

  #expectInteger(state: State): void {
    this.#state = state
    this.#value = 0
    this.#factor = 1
  }

  /** Adds a byte to the integer. More than four bytes are malformed, which MQTT.js notices. */
  #isWhole(byte: number): boolean {
    this.#value += (byte & 0x7f) * this.#factor
    this.#factor *= 128
    return byte < 0x80 || this.#factor >= 128 ** 4
  }

  #skipRest(): void {
    this.#skip = this.#left
    this.#state = 'type'
  }
}
