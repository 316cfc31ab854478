const FIRST_BYTES = 256

/**
 * Builds the body of one packet field by field, then frames it. Not used on the hot path: PUBLISH
 * and plain acknowledgements are written byte by byte elsewhere.
 */
export class PacketWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Starts over in the same memory, so a buffer that `bytes` returned before changes. */
  clear(): this {
    this.#length = 0
    return this
  }

  byte(value: number): this {
    const at = this.#advance(1)
    this.#bytes[at] = value
    return this
  }

  uint16(value: number): this {
    const at = this.#advance(2)
    this.#bytes.writeUInt16BE(value, at)
    return this
  }

  uint32(value: number): this {
    const at = this.#advance(4)
    this.#bytes.writeUInt32BE(value, at)
    return this
  }

  double(value: number): this {
    const at = this.#advance(8)
    this.#bytes.writeDoubleBE(value, at)
    return this
  }

  variableByteInteger(value: number): this {
    const at = this.#advance(variableByteIntegerLength(value))
    writeVariableByteInteger(this.#bytes, at, value)
    return this
  }

  text(value: string): this {
    const length = Buffer.byteLength(value)
    const at = this.uint16(length).#advance(length)
    this.#bytes.write(value, at)
    return this
  }

  binary(value: Buffer): this {
    return this.uint16(value.length).raw(value)
  }

  raw(value: Buffer): this {
    const at = this.#advance(value.length)
    value.copy(this.#bytes, at)
    return this
  }

  /** Everything written so far. Valid until more is written. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Everything written so far, after its length: the form of MQTT 5 properties. */
  withLength(): Buffer {
    return Buffer.concat([encodeVariableByteInteger(this.#length), this.bytes()])
  }

  /** Everything written so far as the body of a packet. */
  frame(first: number): Buffer {
    const body = this.bytes()
    return Buffer.concat([Buffer.from([first]), encodeVariableByteInteger(body.length), body])
  }

  /** Makes room for `bytes` more and returns where they begin. */
  #advance(bytes: number): number {
    const at = this.#length
    this.#length += bytes
    if (this.#length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(2 * this.#length)
      this.#bytes.copy(grown, 0, 0, at)
      this.#bytes = grown
    }
    return at
  }
}

function encodeVariableByteInteger(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(variableByteIntegerLength(value))
  writeVariableByteInteger(bytes, 0, value)
  return bytes
}

export function variableByteIntegerLength(value: number): 1 | 2 | 3 | 4 {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  return value < 0x20_0000 ? 3 : 4
}

/** Writes `value` at `at` and returns where it ends. */
export function writeVariableByteInteger(bytes: Buffer, at: number, value: number): number {
  let rest = value
  let position = at
  while (rest >= 0x80) {
    bytes[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[position++] = rest
  return position
}
