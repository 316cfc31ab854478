/**
 * A copy that shares its memory with nothing else. Node cuts short buffers out of pieces of 8 KB, and
 * such a piece stays as long as any of them does: held for long, a buffer of 20 bytes can cost 8 KB.
 */
export function ownBytes(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
