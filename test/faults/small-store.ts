/** A store with small bounds, so that slots wrap and segments roll and are removed all the time. */
import type { DiskLogStore } from '../../src/channels/disk/disk-log-store.ts'
import { diskStore, MEBIBYTE } from '../support/disk/disk-stores.ts'

export const SMALL_MAX_BYTES = 8 * MEBIBYTE
/** Every log claims some room, so more logs need more. */
export const MANY_CHANNELS_MAX_BYTES = 32 * MEBIBYTE

export interface SmallStoreOptions {
  readonly directory: string
  /** How many channels write to it. */
  readonly channels: number
}

export function areMany(channels: number): boolean {
  return channels > 10
}

export function maxBytesFor(channels: number): number {
  return areMany(channels) ? MANY_CHANNELS_MAX_BYTES : SMALL_MAX_BYTES
}

export function smallStore({ directory, channels }: SmallStoreOptions): DiskLogStore {
  return diskStore({
    directory,
    maxBytes: maxBytesFor(channels),
    // A slot is full after a few commits; with many channels their entries alone take some of it.
    slotBytes: (areMany(channels) ? 256 : 64) * 1024,
    segmentBytes: 64 * 1024,
    historyBytes: MEBIBYTE / 2,
  })
}
