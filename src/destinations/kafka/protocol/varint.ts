/** What records are made of: whole numbers of variable length in zigzag form. */

/** Of a 32-bit number. */
export const MAX_VARINT_BYTES = 5
const MAX_INT32 = 0x7fffffff

/** @param value a signed 32-bit number */
export function writeVarint(value: number, target: Buffer, at: number): number {
  let rest = (value << 1) ^ (value >> 31)
  let end = at
  while ((rest & ~0x7f) !== 0) {
    target[end++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[end] = rest
  return end + 1
}

/** @param value a safe integer */
export function writeVarlong(value: number, target: Buffer, at: number): number {
  if (isInt32(value)) return writeVarint(value, target, at)
  let rest = zigzag(value)
  let end = at
  while (rest > 0x7fn) {
    target[end++] = Number(rest & 0x7fn) | 0x80
    rest >>= 7n
  }
  target[end] = Number(rest)
  return end + 1
}

/** How many bytes `writeVarlong` writes. */
export function varintBytes(value: number): number {
  let rest = isInt32(value) ? ((value << 1) ^ (value >> 31)) >>> 0 : Number(zigzag(value))
  let bytes = 1
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80)
    bytes++
  }
  return bytes
}

function isInt32(value: number): boolean {
  return value <= MAX_INT32 && value >= -MAX_INT32 - 1
}

function zigzag(value: number): bigint {
  return value >= 0 ? BigInt(value) << 1n : (BigInt(-value) << 1n) - 1n
}
