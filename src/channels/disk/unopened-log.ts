/** What the journal holds of a log whose files could not be opened: it stays there. */
import { ConnectorError } from '../../errors.ts'
import type { JournaledLog } from './journal/journal.ts'
import type { FoundLog } from './journal/journal-reading.ts'
import { encodeLogEntry, type LogEntry } from './journal/log-entry.ts'
import type { Slot, SlotUser } from './journal/slot.ts'

export class UnopenedLog implements JournaledLog, SlotUser {
  readonly isSetAside = true
  readonly committed: number
  readonly heldBytes: number
  readonly #entry: Buffer
  readonly #slots = new Set<Slot>()
  #generation = 0
  #copies = 0
  #successor: SlotUser | undefined

  constructor(entry: LogEntry, { frames, seenEnd }: FoundLog) {
    this.committed = frames.reduce(
      (end, frame) => Math.max(end, frame.endOffset),
      Math.max(entry.end, seenEnd),
    )
    this.#entry = encodeLogEntry({ ...entry, end: this.committed })
    const held = frames.filter(({ endOffset }) => endOffset > entry.released)
    this.heldBytes = held.reduce((sum, { bytes }) => sum + bytes, 0)
    for (const { slot } of held) this.#slots.add(slot)
    for (const slot of this.#slots) {
      slot.addUser(this)
      slot.markNeeded(this)
    }
  }

  get entryGeneration(): number {
    return this.#generation
  }

  get entryCopies(): number {
    return this.#copies
  }

  entry(): Buffer {
    return this.#entry
  }

  entryWritten(generation: number): void {
    this.#copies = this.#generation === generation ? this.#copies + 1 : 1
    this.#generation = generation
  }

  committedShare(): void {}

  /** The log was opened, and needs the slots itself now. */
  giveWayTo(log: SlotUser): void {
    this.#successor = log
    for (const slot of this.#slots) {
      slot.removeUser(this)
      slot.markReleased(this)
    }
  }

  async settle(slot: Slot): Promise<void> {
    if (this.#successor === undefined) {
      throw new ConnectorError('StorageFailed', 'the log could not be opened')
    }
    await this.#successor.settle(slot)
  }

  forget(): void {}
}
