/**
 * Commits all channels together, in cycles: whatever is accepted while one cycle is written belongs
 * to the next. So the more is sent, the more shares one sync, and nobody waits for a full group.
 *
 *     accepted   aaaaaaaa│bbbbbbbbbbbbb│ccccc      cycle a is written while b is accepted
 *     written            │aaaaaaaaaaaaa│bbbbb
 *
 * When idle, a cycle begins at the end of the event loop's turn: what one read of a socket brought
 * goes together. Under a steady stream `CommitPace` lets it wait a few milliseconds for more.
 */
import type { Clock, Timer } from '../clock.ts'
import { asConnectorError } from '../errors.ts'
import type { Message, Refusal } from '../message.ts'
import type { PipelineObserver } from '../observer.ts'
import { type ChannelLog, CommitError } from './channel-log.ts'
import { CommitPace } from './commit-pace.ts'
import type { StorageHealth } from './storage-health.ts'

/** Told of commit cycles, in ascending order. The same as a source's `CommitListener`. */
export interface CommitListener {
  /**
   * The open cycle is about to close, or has gathered for long enough. Returns whether more will be
   * staged in this turn of the event loop, which then still belongs to the cycle.
   */
  closing?(): boolean
  /** All messages of this cycle and those before are durable, or their failure was reported. */
  committed(cycle: number): void
  /**
   * Some channel of this cycle could not be stored. Which messages are lost their receipts say; by
   * cycle alone the stored ones can't be told apart, so a sender that goes by acknowledgements may
   * send those again, but is never told that a lost one is safe.
   */
  failed(cycle: number, refusal: Refusal): void
}

/** What has a log of its own: a channel, or the dead letters. */
export interface Committable {
  readonly name: string
  readonly log: ChannelLog
  /** The last cycle that something of it was staged in. Set by the group commit alone. */
  stagedIn: number
  /** What was staged is durable now. */
  committed(): void
  /** These messages could not be made durable and have left the log. */
  discarded(messages: readonly Message[], refusal: Refusal): void
}

export interface GroupCommitOptions {
  readonly clock: Clock
  readonly observer: PipelineObserver
  readonly health: StorageHealth
  /** Milliseconds from the start of one cycle to the start of the next at least. */
  readonly minIntervalMs: number
  /** From so many staged bytes on, sources are to wait. */
  readonly maxStagedBytes: number
}

/** Messages, and their bytes as `draftBytes` counts them. */
export interface Committed {
  readonly messages: number
  readonly bytes: number
}

/** What is being gathered for the next cycle. */
interface Gathering {
  readonly members: Committable[]
  messages: number
  bytes: number
  /** `receivedAt` of the newest message. */
  newestAt: number
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #pace: CommitPace
  readonly #listeners: CommitListener[] = []
  #openCycle = 1
  #lastReported = 0
  #next: Gathering = nothingGathered()
  #writingBytes = 0
  #committedMessages = 0
  #committedBytes = 0
  #isScheduled = false
  #cancelScheduled: (() => void) | undefined
  #writing: Promise<void> | undefined
  /** Runs while sources may leave unread what comes; a slow commit must not keep them from reading. */
  #gathering: Timer | undefined

  constructor(options: GroupCommitOptions) {
    this.#options = options
    this.#pace = new CommitPace(options.minIntervalMs)
  }

  /** The cycle that a message accepted now belongs to. */
  get openCycle(): number {
    return this.#openCycle
  }

  /** Every cycle up to this one has been reported. */
  get lastReported(): number {
    return this.#lastReported
  }

  /** Committed since the start: messages, and bytes as `draftBytes` counts them. */
  get committed(): Committed {
    return { messages: this.#committedMessages, bytes: this.#committedBytes }
  }

  get isSaturated(): boolean {
    return this.#next.bytes + this.#writingBytes >= this.#options.maxStagedBytes
  }

  /** The open cycle holds something, and will wait for more. */
  get isGathering(): boolean {
    return this.#gathering !== undefined && this.#next.members.length > 0
  }

  listen(listener: CommitListener): void {
    this.#listeners.push(listener)
  }

  /** Notes that a message of `bytes` was appended to the member's log. Returns its cycle. */
  stage(member: Committable, bytes: number, receivedAt: number): number {
    if (member.stagedIn !== this.#openCycle) {
      member.stagedIn = this.#openCycle
      this.#next.members.push(member)
    }
    this.#next.messages += 1
    this.#next.bytes += bytes
    this.#next.newestAt = receivedAt
    if (!this.#isScheduled && this.#writing === undefined) this.#schedule()
    return this.#openCycle
  }

  /** Commits all that is staged now, without waiting for an interval. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined || this.#next.members.length > 0) {
      if (this.#writing === undefined) this.#begin()
      await this.#writing
    }
  }

  /** Decides at the end of this turn of the event loop, when all that came with it is staged. */
  #schedule(): void {
    this.#isScheduled = true
    const immediate = setImmediate(() => this.#beginWhenDue())
    this.#cancelScheduled = () => clearImmediate(immediate)
  }

  #beginWhenDue(): void {
    const { clock } = this.#options
    const waitMs = this.#pace.waitMs(this.#next.bytes, clock.monotonic())
    if (waitMs <= 0) {
      this.#close()
      return
    }
    const timer = clock.after(waitMs, () => this.#close())
    this.#cancelScheduled = () => timer.cancel()
  }

  /** What sources have left unread comes in this turn of the event loop; then the cycle begins. */
  #close(): void {
    if (!this.#endGathering()) {
      this.#begin()
      return
    }
    const immediate = setImmediate(() => this.#begin())
    this.#cancelScheduled = () => clearImmediate(immediate)
  }

  /** Returns whether that brings more. */
  #endGathering(): boolean {
    if (this.#gathering === undefined) return false
    this.#gathering.cancel()
    this.#gathering = undefined
    let isMore = false
    for (const listener of this.#listeners) if (listener.closing?.() === true) isMore = true
    return isMore
  }

  #begin(): void {
    this.#endGathering()
    this.#cancelScheduled?.()
    this.#cancelScheduled = undefined
    this.#isScheduled = false
    const cycle = this.#openCycle
    const gathered = this.#next
    this.#openCycle += 1
    this.#next = nothingGathered()
    this.#writingBytes = gathered.bytes
    const { clock } = this.#options
    const startedAt = clock.monotonic()
    this.#pace.began(clock.now() - gathered.newestAt, startedAt)
    const gatherMs = this.#pace.longestGatheringMs
    if (gatherMs > 0) this.#gathering = clock.after(gatherMs, () => this.#endGathering())
    this.#writing = this.#write(cycle, gathered, startedAt)
  }

  async #write(cycle: number, gathered: Gathering, startedAt: number): Promise<void> {
    const { clock, observer } = this.#options
    const refusals = await Promise.all(gathered.members.map((member) => this.#commit(member)))
    const refusal = refusals.find((one) => one !== undefined)
    const endedAt = clock.monotonic()
    this.#pace.ended(endedAt)
    this.#writingBytes = 0
    this.#writing = undefined
    if (refusals.includes(undefined)) {
      this.#committedMessages += gathered.messages
      this.#committedBytes += gathered.bytes
      observer.committed(gathered.messages, gathered.bytes, endedAt - startedAt)
    }
    this.#lastReported = cycle
    for (const listener of this.#listeners) {
      if (refusal === undefined) listener.committed(cycle)
      else listener.failed(cycle, refusal)
    }
    if (this.#next.members.length > 0 && !this.#isScheduled && this.#writing === undefined) {
      this.#schedule()
    }
  }

  /** Commits one log; resolves with what its senders are told when that failed. */
  async #commit(member: Committable): Promise<Refusal | undefined> {
    const { health } = this.#options
    try {
      await member.log.commit()
    } catch (thrown) {
      const cause = thrown instanceof CommitError ? thrown.cause : thrown
      const error = asConnectorError(cause, 'StorageFailed', 'writing to storage')
      const refusal = health.commitFailed(member.log, error)
      member.discarded(thrown instanceof CommitError ? thrown.discarded : [], refusal)
      return refusal
    }
    health.commitSucceeded(member.name)
    member.committed()
    return undefined
  }
}

function nothingGathered(): Gathering {
  return { members: [], messages: 0, bytes: 0, newestAt: 0 }
}
