/**
 * Whether a value that was parsed from JSON is a `ChannelState`. A right checksum proves nothing
 * about the shape: another program may have written the bytes, or another version of this one.
 */
import type { ChannelState, CursorState, OffsetRange } from '../../log/channel-log.ts'

/**
 * No log gets this far: at a million messages a second it would take eight years. Offsets have 48
 * bits on disk, and there must be room for the next ones.
 */
export const MAX_OFFSET = 2 ** 48 - 2 ** 40

type Shape<T> = Partial<Record<keyof T, unknown>>

export function isState(value: unknown): value is ChannelState {
  if (!isObject(value)) return false
  const { version, cursors, refused, end }: Shape<ChannelState> = value
  return (
    version === 1 &&
    isObject(cursors) &&
    Object.values(cursors).every(isCursor) &&
    isCounts(refused) &&
    (end === undefined || isOffset(end))
  )
}

export function isOffset(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_OFFSET
}

function isCursor(value: unknown): value is CursorState {
  if (!isObject(value)) return false
  const { position, settled, delivered, rejected, dropped, plan }: Shape<CursorState> = value
  return (
    isOffset(position) &&
    Array.isArray(settled) &&
    isAscending(settled) &&
    isCount(delivered) &&
    isCount(rejected) &&
    isCounts(dropped) &&
    (plan === undefined || isAscending([plan]))
  )
}

function isAscending(ranges: readonly unknown[]): boolean {
  let before = 0
  for (const range of ranges) {
    if (!isObject(range)) return false
    const { from, to }: Shape<OffsetRange> = range
    if (!isOffset(from) || !isOffset(to) || from < before || to < from) return false
    before = to
  }
  return true
}

function isCounts(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isCount)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
