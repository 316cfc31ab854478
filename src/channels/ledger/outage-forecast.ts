/**
 * How long an outage can last before messages are lost. It follows from the messages stored between
 * two samples and the room that is left. Pure.
 */
import type { OutageBound, OutageLeft } from './ledger.ts'

/** The figures at one time. */
export interface IntakeSample {
  /** Milliseconds of a clock that never goes back. */
  readonly at: number
  /** Bytes taken of the store so far, over all channels. */
  readonly takenBytes: number
  /** Messages stored so far, by channel. */
  readonly stored: ReadonlyMap<string, number>
}

export interface ChannelRoom {
  readonly channel: string
  /** Messages waiting. */
  readonly backlog: number
  /** `Infinity`: messages are not limited. */
  readonly maxBacklog: number
  /** Undefined: messages don't expire. */
  readonly maxAgeMs: number | undefined
  /** How long the oldest message has waited, in milliseconds; 0 if none waits. */
  readonly oldestAgeMs: number
}

export interface StoreRoom {
  /** Bytes that all channels together may still take. */
  readonly freeBytes: number
  readonly bound: 'storage.maxBytes' | 'MemorySize'
}

/** One row for each channel that stored messages between the two samples. */
export function outageForecast(
  earlier: IntakeSample,
  later: IntakeSample,
  store: StoreRoom,
  channels: Iterable<ChannelRoom>,
): OutageLeft[] {
  const seconds = (later.at - earlier.at) / 1000
  if (seconds <= 0) return []
  const bytesPerSecond = (later.takenBytes - earlier.takenBytes) / seconds
  const untilFull = bytesPerSecond > 0 ? store.freeBytes / bytesPerSecond : Number.POSITIVE_INFINITY
  const rows: OutageLeft[] = []
  for (const room of channels) {
    const { channel } = room
    const stored = (later.stored.get(channel) ?? 0) - (earlier.stored.get(channel) ?? 0)
    if (stored <= 0) continue
    const bounds: [OutageBound, number][] = [
      [store.bound, untilFull],
      ['IotAnalyticsQueueSizePerChannel', (room.maxBacklog - room.backlog) / (stored / seconds)],
      ['maxAge', ((room.maxAgeMs ?? Number.POSITIVE_INFINITY) - room.oldestAgeMs) / 1000],
    ]
    const [bound, left] = bounds.reduce((one, other) => (other[1] < one[1] ? other : one))
    if (Number.isFinite(left)) rows.push({ channel, seconds: Math.max(0, left), bound })
  }
  return rows
}

/** `40 s`, `12 min`, `53 h`, `90 days`: rounded down, to promise no more than there is. */
export function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 72 * 3_600) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} days`
}
