/** A store with small bounds, so that segments roll and go away all the time. */
import type { DiskLogStore } from '../../src/channels/disk/disk-log-store.ts'
import { diskStore, MEBIBYTE } from '../support/disk-stores.ts'

export const SMALL_MAX_BYTES = 8 * MEBIBYTE

export function smallStore(directory: string): DiskLogStore {
  return diskStore({
    directory,
    maxBytes: SMALL_MAX_BYTES,
    segmentBytes: 64 * 1024,
    historyBytes: MEBIBYTE / 2,
  })
}
