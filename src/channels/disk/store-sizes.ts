/** Sizes of files that follow from `storage.maxBytes`. */

const SMALLEST_SEGMENT_BYTES = 64 * 1024
/** A segment is at most this fraction of the bound, so that a draining log frees space in steps. */
const SEGMENTS_AT_LEAST = 16
const QUARANTINE_BYTES_AT_MOST = 16 * 1024 * 1024
const SMALLEST_SLOT_BYTES = 128 * 1024
const LARGEST_SLOT_BYTES = 8 * 1024 * 1024
/** Each of the standing slots takes this fraction of `maxBytes`. */
const SLOTS_PER_STORE = 128

export function segmentBytesFor(maxBytes: number, wanted: number): number {
  const share = Math.floor(maxBytes / SEGMENTS_AT_LEAST)
  return Math.min(wanted, Math.max(SMALLEST_SEGMENT_BYTES, share))
}

export function slotBytesFor(maxBytes: number): number {
  const share = Math.floor(maxBytes / SLOTS_PER_STORE / 4096) * 4096
  return Math.min(LARGEST_SLOT_BYTES, Math.max(SMALLEST_SLOT_BYTES, share))
}

export function quarantineBytesFor(maxBytes: number): number {
  return Math.min(QUARANTINE_BYTES_AT_MOST, Math.floor(maxBytes / 16))
}
