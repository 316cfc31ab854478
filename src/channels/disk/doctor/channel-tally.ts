/**
 * Counts a channel's messages, and finds the ones that are missing, while an inspection goes
 * through it.
 */
import { OffsetRanges } from '../../log/offset-ranges.ts'
import type { LogIdentity } from '../format/frame.ts'
import { STATE_NAME } from '../format/state-file.ts'
import type { HistoryKeeper } from '../journal/journal-history.ts'
import { identityText } from '../journal/journal-reading.ts'
import type { PlacedFrame } from '../journal/slot.ts'
import type { Segment } from '../segments/segment.ts'
import type { SegmentScan } from '../segments/segment-scan.ts'
import { explain, type Finding } from './finding.ts'

/** Everything must be added in the order of offsets: segments, frames, then the known end. */
export class ChannelTally {
  readonly findings: Finding[] = []
  readonly #channel: string
  readonly #missing = new OffsetRanges()
  /** So that a message that is in two places counts once. Missing ones leave no gap here. */
  readonly #counted = new OffsetRanges()
  #messages = 0
  #journaledMessages = 0
  #oldestAt: number | undefined
  #newestAt = 0
  #end: number

  constructor(channel: string, start: number | undefined) {
    this.#channel = channel
    this.#end = start ?? 0
  }

  addSegment(segment: Segment, scan: SegmentScan): void {
    this.#messages += scan.messages
    this.#oldestAt ??= scan.oldestAt
    this.#newestAt = Math.max(this.#newestAt, scan.index.newest)
    this.#end = scan.end
    if (scan.end > segment.base) this.#counted.add(segment.base, scan.end)
    for (const { from, to } of scan.missing) this.#missing.add(from, to)
    for (const finding of segmentFindings(this.#channel, segment, scan)) this.findings.push(finding)
  }

  /** A frame of the journal. It may lie before the segments, if it was released before those. */
  addFrame({ firstOffset, endOffset, newestReceivedAt }: PlacedFrame, released: number): void {
    if (firstOffset > this.#end) this.#skip(firstOffset, released)
    const count = this.#count(firstOffset, endOffset)
    if (endOffset <= this.#end) return
    this.#journaledMessages += count
    this.#newestAt = Math.max(this.#newestAt, newestReceivedAt)
    this.#end = endOffset
  }

  /** Counts the messages that were not counted before, and returns their number. */
  #count(first: number, end: number): number {
    const before = this.#counted.size
    this.#counted.add(first, end)
    const count = this.#counted.size - before
    this.#messages += count
    return count
  }

  /** The messages up to `to` were delivered and not kept, or they are missing. */
  #skip(to: number, released: number): void {
    const from = Math.max(this.#end, released)
    if (from >= to) return
    const offsets = { from, to }
    this.#missing.add(from, to)
    this.#counted.add(from, to)
    const place = { file: 'journal', offsets, messages: to - from }
    this.findings.push(explain('MissingMessages', this.#channel, place))
  }

  endAt({ known, released }: { readonly known: number; readonly released: number }): void {
    if (known <= this.#end) return
    const offsets = { from: Math.max(this.#end, released), to: known }
    if (offsets.from < known) {
      this.findings.push(explain('LostTail', this.#channel, { file: STATE_NAME, offsets }))
    } else {
      this.#end = known
    }
  }

  /** The oldest offset that has no gap behind it. */
  get #start(): number {
    let start = this.#end
    for (const { from } of this.#counted) start = from
    return start
  }

  /** Counts messages that slots keep for replay: those without a gap behind them. */
  historyOf(identity: LogIdentity): HistoryKeeper {
    // Messages behind the last one that was counted were released, and may be kept for replay.
    const start = () => (this.#counted.has(this.#end - 1) ? this.#start : this.#end)
    return {
      identityText: identityText(identity),
      mayOverlap: true,
      get start() {
        return start()
      },
      addHistory: (_slot, firstOffset, endOffset) => {
        this.#count(firstOffset, endOffset)
      },
    }
  }

  figures() {
    return {
      messages: this.#messages,
      journaledMessages: this.#journaledMessages,
      start: this.#start,
      end: this.#end,
      missing: [...this.#missing],
      oldestAt: this.#oldestAt,
      newestAt: this.#messages === 0 ? undefined : this.#newestAt,
    }
  }
}

function segmentFindings(channel: string, segment: Segment, scan: SegmentScan): Finding[] {
  const file = segment.logName
  const findings = scan.damages.map(({ position, end, header }) =>
    explain('DamagedBytes', channel, {
      file,
      position,
      bytes: end - position,
      messages: header?.count,
    }),
  )
  if (scan.torn !== undefined) {
    const { position, end, header } = scan.torn
    const since = scan.messages === 0 ? undefined : scan.index.newest
    const place = { file, position, bytes: end - position, messages: header?.count, since }
    findings.push(explain('UnfinishedWrite', channel, place))
  }
  if (scan.failedCommitAt !== undefined) {
    const position = scan.failedCommitAt
    const bytes = segment.bytes - position
    findings.push(explain('FailedCommit', channel, { file, position, bytes }))
  }
  for (const { from, to } of scan.missing) {
    findings.push(
      explain('MissingMessages', channel, { file, offsets: { from, to }, messages: to - from }),
    )
  }
  return findings
}
