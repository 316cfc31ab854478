/**
 * Records that a source keeps for its next start, in order. They are in a log of the same store as
 * the channels, under a name that no channel can have, and are committed in the same cycles as
 * messages: a record and a message of one cycle are durable together, or neither is durable.
 */
import type { Clock } from '../clock.ts'
import type { Draft } from '../message.ts'
import type { Committable, GroupCommit } from './commit/group-commit.ts'
import type { ChannelLog, ChannelState, LogStore } from './log/channel-log.ts'

/** Informed of what became of the records. */
export interface SourceLogListener {
  /** All records below `durableEnd` are durable. */
  committed(): void
  /** Staged records could not be stored and have left the log. */
  discarded(): void
}

export interface SourceLogOptions {
  readonly log: ChannelLog
  readonly state: ChannelState | undefined
  readonly store: LogStore
  readonly commits: GroupCommit
  readonly clock: Clock
  /** Bytes that other logs leave to it, once it holds a record. */
  readonly reservedBytes: number
  /** False while storage can't be written. */
  readonly mayWrite: () => boolean
}

const CURSOR = 'kept'
const READ_COUNT = 1_000
const READ_BYTES = 1024 * 1024
/** Bytes of a short record in the journal beside its own. */
const RECORD_BYTES = 16
const NO_BYTES = Buffer.alloc(0)

export class SourceLog implements Committable {
  readonly name: string
  readonly log: ChannelLog
  readonly reservedBytes: number
  /** Set by the group commit alone. */
  stagedIn = 0
  readonly #options: SourceLogOptions
  /** Records below are not needed any more. */
  #keptFrom: number
  /** Bytes of the records from `#keptFrom` on. */
  #bytes = 0
  /** Bytes that the store keeps free for this log now. */
  #setAside = 0
  #listener: SourceLogListener | undefined
  /** Refilled for every record; the log copies what it needs. */
  readonly #draft: Draft = {
    receivedAt: 0,
    topic: '',
    id: undefined,
    text: undefined,
    bytes: NO_BYTES,
    start: 0,
    end: 0,
    reply: undefined,
  }

  constructor(options: SourceLogOptions) {
    const { log, state } = options
    this.#options = options
    this.name = log.channel
    this.log = log
    this.reservedBytes = options.reservedBytes
    this.#keptFrom = state?.cursors[CURSOR]?.position ?? 0
  }

  /** Where the next record goes. */
  get end(): number {
    return this.log.end
  }

  /** Records below are durable. */
  get durableEnd(): number {
    return this.log.committed
  }

  get isWritable(): boolean {
    return this.#options.mayWrite()
  }

  /** Bytes of the kept records, overhead included. */
  get bytes(): number {
    return this.#bytes
  }

  listen(listener: SourceLogListener): void {
    this.#listener = listener
  }

  /**
   * All kept records, in order; `undefined` where records are lost. To be read once, before the
   * first `append`.
   * @throws {ConnectorError} StorageFailed if the log can't be read now.
   */
  async *read(): AsyncGenerator<Buffer | undefined> {
    let next = this.#keptFrom
    while (next < this.log.committed) {
      const messages = await this.log.read(next, READ_COUNT, READ_BYTES)
      for (const { offset, payload } of messages) {
        if (offset > next) yield undefined
        next = offset + 1
        this.#bytes += payload.length + RECORD_BYTES
        yield payload
      }
      if (messages.length > 0) continue
      yield undefined
      break
    }
    this.#reserve()
  }

  /**
   * Copies and stages a record. Returns its commit cycle; undefined if it can't be stored now.
   */
  append(record: Buffer): number | undefined {
    const { mayWrite, commits, clock } = this.#options
    const bytes = record.length + RECORD_BYTES
    if (!mayWrite() || !this.#hasRoom(bytes)) return undefined
    const draft = this.#draft
    draft.receivedAt = clock.now()
    draft.bytes = record
    draft.end = record.length
    this.log.append(draft)
    draft.bytes = NO_BYTES
    this.#bytes += bytes
    this.#reserve()
    return commits.stageRecord(this, bytes, draft.receivedAt)
  }

  /** Releases committed records below `offset`, with the next cycle; the others have `bytes`. */
  release(offset: number, bytes: number): void {
    this.#keptFrom = offset
    this.#bytes = bytes
    const position = { position: offset, settled: [], delivered: 0, rejected: 0, dropped: {} }
    const end = this.log.committed
    this.log.noteState({ version: 1, cursors: { [CURSOR]: position }, refused: {}, end }, offset)
    this.#options.commits.stageState(this)
    this.#reserve()
  }

  /** Resolves when all appended records are durable, or have failed. */
  flush(): Promise<void> {
    return this.#options.commits.flush()
  }

  committed(): void {
    this.#listener?.committed()
  }

  discarded(): void {
    this.#listener?.discarded()
  }

  #hasRoom(bytes: number): boolean {
    const { store } = this.#options
    if (bytes <= this.#setAside) return true
    return store.bytes + bytes <= store.maxBytes || store.makeRoom(bytes)
  }

  #reserve(): void {
    if (this.#bytes === 0) return
    this.#setAside = this.#options.store.setAside(Math.max(0, this.reservedBytes - this.#bytes))
  }
}
