/**
 * Messages that a destination rejected or that routing refused. They are kept with the reason, so that
 * a person can look at them and send them again after a fix. They lie in a log of their own in the
 * store, under a name that no channel can have. The log is bounded: the oldest go first.
 */
import type { Clock } from '../../clock.ts'
import type { Message } from '../../message.ts'
import { CursorPosition } from '../cursors/cursor-position.ts'
import type { ChannelLog, ChannelState, LogStore } from '../log/channel-log.ts'
import { draftBytes, type MemoryBudget } from '../log/memory-budget.ts'
import {
  type DeadLetter,
  deadLetterDraft,
  type KeptDeadLetter,
  readDeadLetter,
} from './dead-letter-record.ts'

/** The name of the log that holds them. */
export const DEAD_LETTERS_LOG = '__dead_letters'

export interface DeadLetterBounds {
  readonly maxMessages: number
  /** Bytes that they may hold, about. */
  readonly maxBytes: number
}

export interface DeadLettersOptions {
  readonly log: ChannelLog
  readonly state: ChannelState | undefined
  readonly store: LogStore
  readonly budget: MemoryBudget
  readonly clock: Clock
  readonly bounds: DeadLetterBounds
  /** False while the log can't be written. */
  readonly mayWrite: () => boolean
  /** Has `bytes` just appended committed with the next cycle. */
  readonly stage: (letters: DeadLetters, bytes: number) => void
  /** Has a state just noted committed with the next cycle. */
  readonly stageState: (letters: DeadLetters) => void
  /** What was removed has to be written down. */
  readonly onChanged: (letters: DeadLetters) => void
}

const CURSOR = 'kept'
const MAX_READ_BYTES = 1024 * 1024

export class DeadLetters {
  readonly name = DEAD_LETTERS_LOG
  readonly log: ChannelLog
  /** The commit cycle that what is staged belongs to. Kept by the group commit. */
  stagedIn = 0
  readonly #options: DeadLettersOptions
  /** Settled = removed, dropped = pushed out by newer ones. */
  readonly #position: CursorPosition
  /** How far the log went when its state was noted last. */
  #notedEnd = 0

  constructor(options: DeadLettersOptions) {
    const { log, state } = options
    this.#options = options
    this.log = log
    const before = state?.cursors[CURSOR]
    this.#position =
      before === undefined
        ? new CursorPosition(log.start)
        : CursorPosition.restored(before, log.start, log.committed)
  }

  /** How many are kept, those not committed yet included. */
  get count(): number {
    return this.#position.unsettled(this.log.end)
  }

  /** Keeps one, if need be in place of the oldest. False when there is no room, or it can't be stored. */
  keep(letter: DeadLetter): boolean {
    const { clock, bounds, stage, mayWrite } = this.#options
    if (!mayWrite()) return false
    const draft = deadLetterDraft(letter, clock.now())
    const bytes = draftBytes(draft)
    if (bytes > bounds.maxBytes) return false
    while (this.count >= bounds.maxMessages || this.#heldBytes + bytes > bounds.maxBytes) {
      if (!this.#dropOldest()) return false
    }
    if (!this.#hasRoom(bytes)) return false
    this.log.append(draft)
    stage(this, bytes)
    return true
  }

  /**
   * Up to `maxCount` from `from` on, the oldest first. Go on at the last one's `offset + 1`; empty
   * when there are no more.
   * @throws {ConnectorError} StorageFailed when the log can't be read now.
   */
  async read(from: number, maxCount: number): Promise<readonly KeptDeadLetter[]> {
    const letters: KeptDeadLetter[] = []
    let next = this.#position.freeFrom(from)
    while (letters.length < maxCount && next < this.log.committed) {
      const messages = await this.log.read(next, maxCount - letters.length, MAX_READ_BYTES)
      for (const message of messages) {
        const letter = this.#position.isSettled(message.offset)
          ? undefined
          : readDeadLetter(message)
        if (letter !== undefined) letters.push(letter)
      }
      next = this.#position.freeFrom((messages.at(-1)?.offset ?? this.log.committed) + 1)
    }
    return letters
  }

  /** Takes some out, by their offsets: they were sent again, or nobody wants them. */
  remove(offsets: Iterable<number>): void {
    for (const offset of offsets) {
      if (offset >= this.log.committed || this.#position.isSettled(offset)) continue
      this.#position.take(offset, offset + 1)
      this.#position.deliver(offset, offset + 1)
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
  }

  /** Has written down which are left; then the space of those below is given back. */
  checkpoint(): void {
    const { position } = this.#position
    const cursors = { [CURSOR]: this.#position.state(this.log.committed, []) }
    const end = this.log.committed
    this.#notedEnd = end
    this.log.noteState({ version: 1, cursors, refused: {}, end }, position)
    this.#options.stageState(this)
  }

  /** By the average of what the log holds. */
  get #heldBytes(): number {
    const { start, end, bytes } = this.log
    return end === start ? 0 : (bytes / (end - start)) * this.count
  }

  #hasRoom(bytes: number): boolean {
    const { store, budget } = this.#options
    if (this.log.isVolatile) return budget.fits(bytes) || store.makeRoom(bytes)
    return store.bytes + bytes <= store.maxBytes || store.makeRoom(bytes)
  }

  #dropOldest(): boolean {
    const oldest = this.#position.oldestFree
    if (oldest >= this.log.end) return false
    this.#position.dropFree(oldest, oldest + 1, 'QueueFull', this.log.committed)
    this.log.remove?.(oldest)
    this.#settled()
    return true
  }

  #settled(): void {
    this.#position.advance(this.log.committed)
    if (this.log.isVolatile) this.log.release(this.#position.position)
    this.#options.onChanged(this)
  }
}
