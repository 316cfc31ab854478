/** Builds one packet's body field by field, then frames it. For the rare packets; PUBLISH and plain acknowledgements are written by hand. */
export class PacketWriter {
  readonly #parts: Buffer[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  byte(value: number): this {
    return this.raw(Buffer.from([value]))
  }

  uint16(value: number): this {
    return this.raw(Buffer.from([value >> 8, value & 0xff]))
  }

  uint32(value: number): this {
    const field = Buffer.allocUnsafe(4)
    field.writeUInt32BE(value)
    return this.raw(field)
  }

  variableByteInteger(value: number): this {
    return this.raw(encodeVariableByteInteger(value))
  }

  text(value: string): this {
    return this.binary(Buffer.from(value, 'utf8'))
  }

  binary(value: Buffer): this {
    return this.uint16(value.length).raw(value)
  }

  raw(value: Buffer): this {
    this.#parts.push(value)
    this.#length += value.length
    return this
  }

  /** Everything written so far. */
  bytes(): Buffer {
    return Buffer.concat(this.#parts, this.#length)
  }

  /** Everything written so far, behind its length: how MQTT 5 writes properties. */
  withLength(): Buffer {
    return Buffer.concat([encodeVariableByteInteger(this.#length), ...this.#parts])
  }

  /** Everything written so far as the body of a packet. */
  frame(first: number): Buffer {
    return Buffer.concat([
      Buffer.from([first]),
      encodeVariableByteInteger(this.#length),
      ...this.#parts,
    ])
  }
}

export function encodeVariableByteInteger(value: number): Buffer {
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
