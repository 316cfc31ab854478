/** MurmurHash2 as Kafka's Java client uses it to choose a partition by a key. */

const SEED = 0x9747b28c
const M = 0x5bd1e995

/** The hash, a signed 32-bit number as in Java. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  let hash = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = byteAt(bytes, at)
    word |= (byteAt(bytes, at + 1) << 8) | (byteAt(bytes, at + 2) << 16)
    word |= byteAt(bytes, at + 3) << 24
    word = Math.imul(word, M)
    word ^= word >>> 24
    hash = Math.imul(hash, M) ^ Math.imul(word, M)
  }
  if (at < length) {
    for (let rest = length - 1; rest >= at; rest--) hash ^= byteAt(bytes, rest) << (8 * (rest - at))
    hash = Math.imul(hash, M)
  }
  hash = Math.imul(hash ^ (hash >>> 13), M)
  return (hash ^ (hash >>> 15)) | 0
}

/** Without the sign: the partition of a key is this number modulo the number of partitions. */
export function keyHash(key: Uint8Array): number {
  return murmur2(key) & 0x7fffffff
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
