/**
 * Messages that a destination rejected or that routing refused. They are kept with the reason, so
 * that a person can inspect them and send them again after a fix. They have a log of their own in
 * the store, under a name that no channel can have. The log is limited. For a further dead letter,
 * the channel that holds the most gives up its oldest, so that no channel pushes out the others'.
 */
import type { Clock } from '../../clock.ts'
import type { Message } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import { CursorPosition } from '../cursors/cursor-position.ts'
import type { ChannelLog, ChannelState, LogStore } from '../log/channel-log.ts'
import { draftBytes, type MemoryBudget } from '../log/memory-budget.ts'
import {
  type DeadLetter,
  deadLetterDraft,
  type KeptDeadLetter,
  readDeadLetter,
} from './dead-letter-record.ts'
import { LetterShares } from './letter-shares.ts'

/** The name of the log that holds them. */
export const DEAD_LETTERS_LOG = '__dead_letters'

export interface DeadLetterBounds {
  readonly maxMessages: number
  /** Approximate limit of their bytes. */
  readonly maxBytes: number
}

export interface DeadLettersOptions {
  readonly log: ChannelLog
  readonly state: ChannelState | undefined
  readonly store: LogStore
  readonly budget: MemoryBudget
  readonly clock: Clock
  readonly bounds: DeadLetterBounds
  readonly observer: Pick<PipelineObserver, 'deadLetterLost'>
  /** Whether a channel with this name exists. */
  readonly isChannel: (name: string) => boolean
  /** Messages that no channel counts as refused; the log's state keeps these counts as well. */
  readonly refusedElsewhere: () => Readonly<Record<string, number>>
  /** False while the log can't be written. */
  readonly mayWrite: () => boolean
  /** Commits `bytes` just appended with the next cycle. */
  readonly stage: (letters: DeadLetters, bytes: number) => void
  /** Commits a state just noted with the next cycle. */
  readonly stageState: (letters: DeadLetters) => void
  /** The state has changed and must be written down. */
  readonly onChanged: (letters: DeadLetters) => void
}

const CURSOR = 'kept'
const MAX_READ_BYTES = 1024 * 1024
const READ_AT_ONCE = 500
/**
 * A log on disk gives back the bytes of a letter in its middle only when all before it are gone. It
 * may take this many times `maxBytes`.
 */
const MAX_LOG_TIMES = 4

export class DeadLetters {
  readonly name = DEAD_LETTERS_LOG
  readonly log: ChannelLog
  /** The commit cycle of what is staged. Set by the group commit alone. */
  stagedIn = 0
  readonly #options: DeadLettersOptions
  /** Delivered: removed. Dropped: replaced by newer ones. */
  readonly #position: CursorPosition
  readonly #shares: LetterShares
  /** Letters that were not kept, since the process started. */
  #unkept = 0
  /** The log's `committed` when its state was noted last. */
  #notedEnd = 0

  constructor(options: DeadLettersOptions) {
    const { log, state } = options
    this.#options = options
    this.log = log
    this.#shares = new LetterShares(options.bounds)
    const saved = state?.cursors[CURSOR]
    this.#position =
      saved === undefined
        ? new CursorPosition(log.start)
        : CursorPosition.restored(saved, log.start, log.committed)
  }

  /**
   * Finds out which dead letters belong to which channels. To be called once, when all channels are
   * known. Letters that can't be read now go first, as the oldest.
   */
  async restoreShares(): Promise<void> {
    let next = 0
    try {
      for (;;) {
        const letters = await this.read(next, READ_AT_ONCE)
        for (const letter of letters) {
          const bytes = draftBytes(deadLetterDraft(letter, letter.keptAt))
          this.#shares.add(this.#holderOf(letter), letter.offset, bytes)
        }
        const last = letters.at(-1)
        if (last === undefined) return
        next = last.offset + 1
      }
    } catch {
      // The store reports it when messages are read for their destinations.
    }
  }

  /** The number of dead letters kept, those not committed yet included. */
  get count(): number {
    return this.#position.unsettled(this.log.end)
  }

  /**
   * How many are lost: others pushed them out or they could not be read, over restarts too, or
   * there was no room for them since the process started.
   */
  get lost(): number {
    return Object.values(this.#position.dropped).reduce((sum, count) => sum + count, this.#unkept)
  }

  /** Keeps a dead letter, if necessary in place of others. False if there is no room for it. */
  keep(letter: DeadLetter): boolean {
    const isKept = this.#keep(letter)
    if (isKept) return true
    this.#unkept += 1
    this.#options.observer.deadLetterLost(this.#channelOf(letter), 'there was no room for it')
    return false
  }

  #keep(letter: DeadLetter): boolean {
    const { clock, bounds, stage, mayWrite } = this.#options
    if (!mayWrite()) return false
    const draft = deadLetterDraft(letter, clock.now())
    const bytes = draftBytes(draft)
    if (bytes > bounds.maxBytes) return false
    while (this.count >= bounds.maxMessages || this.#heldBytes + bytes > bounds.maxBytes) {
      if (!this.#makeRoom(letter, bytes)) return false
    }
    if (!this.#hasRoom(bytes)) return false
    this.#shares.add(this.#holderOf(letter), this.log.end, bytes)
    this.log.append(draft)
    stage(this, bytes)
    return true
  }

  /**
   * Up to `maxCount` dead letters from offset `from` on, the oldest first, and fewer if they are
   * large; empty if there are no more. To go on, pass the last one's `offset + 1`.
   * @throws {ConnectorError} StorageFailed if the log can't be read now.
   */
  async read(from: number, maxCount: number): Promise<readonly KeptDeadLetter[]> {
    const letters: KeptDeadLetter[] = []
    let next = this.#position.freeFrom(from)
    let bytes = 0
    while (letters.length < maxCount && bytes < MAX_READ_BYTES && next < this.log.committed) {
      const messages = await this.log.read(next, maxCount - letters.length, MAX_READ_BYTES)
      for (const message of messages) {
        const letter = this.#position.isSettled(message.offset)
          ? undefined
          : readDeadLetter(message)
        if (letter === undefined) continue
        letters.push(letter)
        bytes += letter.payload.length
      }
      next = this.#position.freeFrom((messages.at(-1)?.offset ?? this.log.committed) + 1)
    }
    return letters
  }

  /** Removes dead letters by their offsets: they were sent again, or are not wanted any more. */
  remove(offsets: Iterable<number>): void {
    for (const offset of offsets) {
      if (offset >= this.log.committed || this.#position.isSettled(offset)) continue
      this.#position.take(offset, offset + 1)
      this.#position.deliver(offset, offset + 1)
      this.#shares.remove(offset)
      this.log.remove?.(offset)
    }
    this.#settled()
  }

  committed(): void {
    if (this.log.committed > this.#notedEnd) this.#settled()
  }

  discarded(messages: readonly Message[]): void {
    this.#options.onChanged(this)
    const from = this.log.committed
    this.#position.collapse(from, from + messages.length)
    this.#shares.collapse(from, from + messages.length)
  }

  /** Notes which dead letters are left, so that the log releases those below. */
  checkpoint(): void {
    const { position } = this.#position
    const cursors = { [CURSOR]: this.#position.state(this.log.committed, []) }
    const end = this.log.committed
    this.#notedEnd = end
    const refused = { ...this.#options.refusedElsewhere() }
    this.log.noteState({ version: 1, cursors, refused, end }, position)
    this.#options.stageState(this)
  }

  /** By the average size of the log's messages. */
  get #heldBytes(): number {
    const { start, end, bytes } = this.log
    return end === start ? 0 : (bytes / (end - start)) * this.count
  }

  #hasRoom(bytes: number): boolean {
    const { store, budget } = this.#options
    if (this.log.isVolatile) return budget.fits(bytes) || store.makeRoom(bytes)
    return store.bytes + bytes <= store.maxBytes || store.makeRoom(bytes)
  }

  #holderOf(letter: DeadLetter): string {
    return `${letter.destination ?? ''} ${this.#channelOf(letter)}`
  }

  /** Empty for a name that is no channel: there is no bound on how many a client invents. */
  #channelOf({ channel }: DeadLetter): string {
    return this.#options.isChannel(channel) ? channel : ''
  }

  #makeRoom(letter: DeadLetter, bytes: number): boolean {
    const oldest = this.#position.oldestFree
    if (oldest >= this.log.end) return false
    const payer = this.#shares.payerFor(this.#holderOf(letter), bytes)
    const [offset = oldest] = payer?.letters.keys() ?? []
    if (offset !== oldest && !this.#mayLeaveHole(offset, bytes)) return false
    this.#position.dropFree(offset, offset + 1, 'QueueFull', this.log.committed)
    this.#shares.remove(offset)
    this.log.remove?.(offset)
    this.#settled()
    const channel = payer?.name.slice(payer.name.lastIndexOf(' ') + 1) ?? ''
    this.#options.observer.deadLetterLost(channel, 'a newer one has taken its place')
    return true
  }

  #mayLeaveHole(offset: number, bytes: number): boolean {
    if (offset >= this.log.committed) return false
    return (
      this.log.isVolatile || this.log.bytes + bytes <= MAX_LOG_TIMES * this.#options.bounds.maxBytes
    )
  }

  #settled(): void {
    this.#position.advance(this.log.committed)
    if (this.log.isVolatile) this.log.release(this.#position.position)
    this.#options.onChanged(this)
  }
}
