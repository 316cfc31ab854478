/**
 * A log store that behaves like one on disk, and that tests control: commits can be held back or
 * fail, messages can be damaged, and a crash loses everything that is not committed. Space is
 * released a whole segment at a time.
 */
import {
  type ChannelLog,
  type ChannelState,
  CommitError,
  type LogStore,
  type OffsetRange,
} from '../../../src/channels/log/channel-log.ts'
import { draftBytes } from '../../../src/channels/log/memory-budget.ts'
import { ConnectorError } from '../../../src/errors.ts'
import {
  type Draft,
  fitsAsMessageId,
  generatedMessageId,
  type Message,
} from '../../../src/message.ts'

interface Stored {
  readonly message: Message
  readonly bytes: number
}

/** What survives a crash of the process. */
interface Medium {
  readonly id: string
  start: number
  stored: Stored[]
  damaged: OffsetRange[]
  state: ChannelState | undefined
}

export interface FakeDiskOptions {
  readonly maxBytes?: number
  readonly segmentMessages?: number
  /** Reads take a turn of the event loop, so that other tasks run meanwhile. */
  readonly isSlow?: boolean
}

export class FakeDisk {
  readonly maxBytes: number
  readonly segmentMessages: number
  readonly isSlow: boolean
  readonly media = new Map<string, Medium>()
  /** While set, commits and state writes fail with this system error code. */
  failure: string | undefined
  /** Channels whose commits fail; all if undefined. */
  /** While true, commits wait for `releaseCommits`. */
  holdsCommits = false
  commits = 0
  probes = 0
  /** Counts crashes: logs that were opened before the last one no longer work. */
  lives = 1
  #held: (() => void)[] = []

  constructor(options: FakeDiskOptions = {}) {
    this.maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY
    this.segmentMessages = options.segmentMessages ?? 4
    this.isSlow = options.isSlow ?? false
  }

  get heldCommits(): number {
    return this.#held.length
  }

  releaseCommits(): void {
    for (const release of this.#held.splice(0)) release()
  }

  /** The process ends: calls under way never settle. */
  crash(): void {
    this.lives += 1
    this.#held = []
  }

  /** Resolves at once, or when the test releases commits. */
  pass(): Promise<void> {
    if (!this.holdsCommits) return Promise.resolve()
    return new Promise((resolve) => this.#held.push(resolve))
  }

  /** Makes committed messages unreadable. */
  damage(channel: string, from: number, to: number): void {
    const medium = this.media.get(channel)
    if (medium === undefined) return
    medium.stored = medium.stored.filter(({ message: { offset } }) => offset < from || offset >= to)
    medium.damaged.push({ from, to })
  }
}

export class FakeLogStore implements LogStore {
  readonly maxBytes: number
  readonly #disk: FakeDisk
  readonly #life: number
  readonly #logs: FakeLog[] = []
  #setAside = 0

  constructor(disk: FakeDisk) {
    this.#disk = disk
    this.#life = disk.lives
    this.maxBytes = disk.maxBytes
  }

  get bytes(): number {
    return this.#logs.reduce((sum, log) => sum + log.bytes, this.#setAside)
  }

  open(): Promise<readonly ChannelLog[]> {
    for (const channel of this.#disk.media.keys()) this.create(channel)
    return Promise.resolve([...this.#logs])
  }

  create(channel: string): ChannelLog {
    const log = new FakeLog(channel, this.#disk)
    this.#logs.push(log)
    return log
  }

  /** Commits all logs together, as one write. */
  async commit(): Promise<void> {
    const disk = this.#disk
    const counts = this.#logs.map((log) => log.stagedCount)
    const states = this.#logs.map((log) => log.takeNoted())
    disk.commits += 1
    await disk.pass()
    if (this.#life !== disk.lives) return new Promise(() => {})
    if (disk.failure === undefined) {
      for (const [index, log] of this.#logs.entries()) {
        log.store(counts[index] ?? 0)
        log.writeDown(states[index])
      }
      return
    }
    const discarded = new Map<string, readonly Message[]>()
    for (const [index, log] of this.#logs.entries()) {
      discarded.set(log.channel, log.discard(counts[index] ?? 0))
    }
    const cause = new ConnectorError('StorageFailed', `write failed: ${disk.failure}`)
    throw new CommitError('nothing was written', discarded, { cause })
  }

  probe(): Promise<void> {
    this.#disk.probes += 1
    if (this.#disk.failure === undefined) return Promise.resolve()
    return Promise.reject(
      new ConnectorError('StorageFailed', `probe failed: ${this.#disk.failure}`),
    )
  }

  makeRoom(bytes: number): boolean {
    for (const log of this.#logs) {
      while (this.bytes + bytes > this.maxBytes && log.forgetOldestSegment()) {}
    }
    return this.bytes + bytes <= this.maxBytes
  }

  setAside(bytes: number): number {
    this.#setAside = 0
    this.makeRoom(bytes)
    this.#setAside = Math.max(0, Math.min(bytes, this.maxBytes - this.bytes))
    return this.#setAside
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

interface Noted {
  readonly state: ChannelState
  readonly released: number
}

class FakeLog implements ChannelLog {
  readonly channel: string
  readonly isVolatile = false
  readonly #disk: FakeDisk
  readonly #medium: Medium
  #staged: Stored[] = []
  #noted: Noted | undefined
  #committed: number
  #released: number

  constructor(channel: string, disk: FakeDisk) {
    this.channel = channel
    this.#disk = disk
    this.#medium = disk.media.get(channel) ?? {
      id: disk.media.size.toString(16).padStart(8, '0'),
      start: 0,
      stored: [],
      damaged: [],
      state: undefined,
    }
    disk.media.set(channel, this.#medium)
    const last = this.#medium.stored.at(-1)?.message.offset ?? this.#medium.start - 1
    const lastDamaged = this.#medium.damaged.at(-1)?.to ?? 0
    this.#committed = Math.max(last + 1, lastDamaged)
    this.#released = this.#medium.start
  }

  get id(): string {
    return this.#medium.id
  }

  get start(): number {
    return this.#medium.start
  }

  get committed(): number {
    return this.#committed
  }

  get end(): number {
    return this.#committed + this.#staged.length
  }

  get bytes(): number {
    return [...this.#medium.stored, ...this.#staged].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get memoryBytes(): number {
    return this.#staged.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get damaged(): readonly OffsetRange[] {
    return this.#medium.damaged
  }

  get nextReclaim(): number {
    const size = this.#disk.segmentMessages
    const segmentEnd = (Math.floor(this.start / size) + 1) * size
    return segmentEnd <= this.#committed ? segmentEnd : this.end
  }

  append(draft: Draft): void {
    const { id, receivedAt, topic, reply } = draft
    const offset = this.end
    const payload =
      draft.text === undefined
        ? Buffer.from(draft.bytes.subarray(draft.start, draft.end))
        : Buffer.from(draft.text)
    const messageId =
      id !== undefined && fitsAsMessageId(id) ? id : generatedMessageId(this.id, offset)
    const message = { offset, receivedAt, topic, senderId: id, messageId, payload, reply }
    this.#staged.push({ message, bytes: draftBytes(draft) })
  }

  get stagedCount(): number {
    return this.#staged.length
  }

  /** The state noted last, with the offset it releases; undefined if there is nothing to write. */
  takeNoted(): Noted | undefined {
    const noted = this.#noted
    this.#noted = undefined
    return noted
  }

  writeDown(noted: Noted | undefined): void {
    if (noted === undefined) return
    this.#medium.state = noted.state
    this.release(noted.released)
  }

  store(count: number): void {
    this.#medium.stored.push(...this.#staged.splice(0, count))
    this.#committed += count
  }

  discard(count: number): Message[] {
    const gone = this.#staged.splice(0, count)
    this.#staged = this.#staged.map((stored) => moved(stored, stored.message.offset - count))
    return gone.map(({ message }) => message)
  }

  async read(from: number, maxCount: number, maxBytes: number): Promise<readonly Message[]> {
    if (this.#disk.isSlow) await new Promise((resolve) => setImmediate(resolve))
    const messages: Message[] = []
    let bytes = 0
    for (const { message } of this.#medium.stored) {
      if (message.offset < from) continue
      bytes += message.payload.length
      if (messages.length === maxCount || (messages.length > 0 && bytes > maxBytes)) break
      messages.push(message)
    }
    return messages
  }

  offsetAt(time: number): Promise<number> {
    const found = this.#medium.stored.find(({ message }) => message.receivedAt >= time)
    return Promise.resolve(found?.message.offset ?? this.#committed)
  }

  release(offset: number): void {
    this.#released = Math.max(this.#released, offset)
  }

  forgetOldestSegment(): boolean {
    const end = this.nextReclaim
    if (end > this.#released || end > this.#committed || end <= this.start) return false
    this.#medium.stored = this.#medium.stored.filter(({ message }) => message.offset >= end)
    this.#medium.start = end
    return true
  }

  loadState(): Promise<ChannelState | undefined> {
    return Promise.resolve(this.#medium.state)
  }

  noteState(state: ChannelState, released: number): void {
    this.#noted = { state: structuredClone(state), released }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function moved(stored: Stored, offset: number): Stored {
  return { ...stored, message: { ...stored.message, offset } }
}
