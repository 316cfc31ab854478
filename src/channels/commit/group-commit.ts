/**
 * Commits all channels together, in cycles. Messages accepted while one cycle is written belong to
 * the next. So the more messages come, the more share one sync, and no message waits for a full
 * group.
 *
 *     accepted   aaaaaaaa│bbbbbbbbbbbbb│ccccc      cycle a is written while b is accepted
 *     written            │aaaaaaaaaaaaa│bbbbb
 *
 * When idle, a cycle begins at the end of the event loop's turn, so that the messages of one read
 * of a socket are in one cycle. Under a steady stream `CommitPace` lets it wait a few milliseconds
 * for more.
 */
import type { Clock, Timer } from '../../clock.ts'
import { asConnectorError, type ConnectorError } from '../../errors.ts'
import type { Message, Refusal } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import { CommitError } from '../log/channel-log.ts'
import { CommitPace } from './commit-pace.ts'
import type { StorageHealth } from './storage-health.ts'

/** Informed of commit cycles, in ascending order. A source's `CommitListener` fits. */
export interface CycleListener {
  /**
   * The open cycle is about to close, or has waited long enough. Returns whether more will be
   * staged in this turn of the event loop, which then still belongs to the cycle.
   */
  closing?(): boolean
  /** All messages of this cycle are durable. */
  committed(cycle: number): void
  /** None of the messages of this cycle is stored. */
  failed(cycle: number, refusal: Refusal): void
}

/** It has a log of its own: a channel, the dead letters, or the records of a source. */
export interface Committable {
  /** The name of its log, as in `CommitError.discarded`. */
  readonly name: string
  /** The last cycle that it staged something in. Set by the group commit alone. */
  stagedIn: number
  /** The staged messages, the noted state, or both, are durable now. */
  committed(): void
  /** The commit failed: these messages, if any, have left the log. */
  discarded(messages: readonly Message[], refusal: Refusal): void
}

export interface GroupCommitOptions {
  /** `LogStore.commit`. */
  readonly commit: () => Promise<void>
  readonly clock: Clock
  readonly observer: PipelineObserver
  readonly health: StorageHealth
  /** Milliseconds from the start of one cycle to the start of the next at least. */
  readonly minIntervalMs: number
  /** With this number of staged bytes, sources must wait: see `isSaturated`. */
  readonly maxStagedBytes: number
}

/** Messages, and their bytes as `draftBytes` counts them. */
export interface Committed {
  readonly messages: number
  readonly bytes: number
}

/** What is staged for the next cycle. */
interface OpenCycle {
  readonly members: Committable[]
  messages: number
  messageBytes: number
  /** Messages, and records of sources. */
  records: number
  bytes: number
  /** When the cycle opened; milliseconds since 1970. */
  readonly sinceMs: number
  /** The sum, over all records, of how long after that they came. */
  arrivedMs: number
}

/** Somebody who waits for a cycle. */
interface Waiting {
  readonly cycle: number
  readonly resolve: () => void
  readonly reject: (error: ConnectorError) => void
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #pace: CommitPace
  readonly #listeners: CycleListener[] = []
  #waiting: Waiting[] = []
  #openCycle = 1
  #lastReported = 0
  #next: OpenCycle
  #writingBytes = 0
  #committedMessages = 0
  #committedBytes = 0
  #isScheduled = false
  #cancelScheduled: (() => void) | undefined
  #writing: Promise<void> | undefined
  /** When that began; see `Clock.monotonic`. */
  #writingSince = 0
  /** Runs while sources may delay reading; it ends that even if the commit is slow. */
  #collecting: Timer | undefined

  constructor(options: GroupCommitOptions) {
    this.#options = options
    this.#pace = new CommitPace(options.minIntervalMs)
    this.#next = emptyCycle(options.clock.now())
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

  /** How long the cycle that is being written has taken so far; 0 if there is no such cycle. */
  get pendingMs(): number {
    const { clock } = this.#options
    return this.#writing === undefined ? 0 : clock.monotonic() - this.#writingSince
  }

  get isSaturated(): boolean {
    return this.#next.bytes + this.#writingBytes >= this.#options.maxStagedBytes
  }

  /** The open cycle holds something, and will wait for more. */
  get isCollecting(): boolean {
    return this.#collecting !== undefined && this.#next.members.length > 0
  }

  listen(listener: CycleListener): void {
    this.#listeners.push(listener)
  }

  /** Notes that a message of `bytes` was appended to the member's log. Returns its cycle. */
  stage(member: Committable, bytes: number, receivedAt: number): number {
    this.#next.messages += 1
    this.#next.messageBytes += bytes
    return this.stageRecord(member, bytes, receivedAt)
  }

  /** The same for a record of a source: the figures do not count it. */
  stageRecord(member: Committable, bytes: number, receivedAt: number): number {
    this.#join(member)
    this.#next.records += 1
    this.#next.bytes += bytes
    this.#next.arrivedMs += receivedAt - this.#next.sinceMs
    if (!this.#isScheduled && this.#writing === undefined) this.#schedule()
    return this.#openCycle
  }

  /** Notes that the member's log has a state to write down; it may get a cycle of its own. */
  stageState(member: Committable): void {
    this.#join(member)
    if (!this.#isScheduled && this.#writing === undefined) this.#schedule()
  }

  #join(member: Committable): void {
    if (member.stagedIn === this.#openCycle) return
    member.stagedIn = this.#openCycle
    this.#next.members.push(member)
  }

  /**
   * Resolves when what is staged now is durable.
   * @throws {ConnectorError} StorageFailed
   */
  stored(): Promise<void> {
    if (this.#next.members.length === 0) return this.#writing ?? Promise.resolve()
    const cycle = this.#openCycle
    return new Promise((resolve, reject) => this.#waiting.push({ cycle, resolve, reject }))
  }

  /** Commits all that is staged, without waiting for the interval. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined || this.#next.members.length > 0) {
      if (this.#writing === undefined) this.#begin()
      await this.#writing
    }
  }

  /** Decides at the end of this turn of the event loop, when all its messages are staged. */
  #schedule(): void {
    this.#isScheduled = true
    const immediate = setImmediate(() => this.#beginWhenDue())
    this.#cancelScheduled = () => clearImmediate(immediate)
  }

  #beginWhenDue(): void {
    const { clock } = this.#options
    const { records, bytes } = this.#next
    const waitMs = records === 0 ? 0 : this.#pace.waitMs(bytes, clock.monotonic())
    if (waitMs <= 0) {
      this.#close()
      return
    }
    const timer = clock.after(waitMs, () => this.#close())
    this.#cancelScheduled = () => timer.cancel()
  }

  /**
   * Sources read what they have left unread in this turn of the event loop; then the cycle begins.
   */
  #close(): void {
    if (!this.#endCollecting()) {
      this.#begin()
      return
    }
    const immediate = setImmediate(() => this.#begin())
    this.#cancelScheduled = () => clearImmediate(immediate)
  }

  /** Returns whether more will be staged in this turn of the event loop. */
  #endCollecting(): boolean {
    if (this.#collecting === undefined) return false
    this.#collecting.cancel()
    this.#collecting = undefined
    let isMore = false
    for (const listener of this.#listeners) if (listener.closing?.() === true) isMore = true
    return isMore
  }

  #begin(): void {
    this.#endCollecting()
    this.#cancelScheduled?.()
    this.#cancelScheduled = undefined
    this.#isScheduled = false
    const cycle = this.#openCycle
    const staged = this.#next
    this.#openCycle += 1
    const { clock } = this.#options
    const now = clock.now()
    this.#next = emptyCycle(now)
    this.#writingBytes = staged.bytes
    const startedAt = clock.monotonic()
    this.#pace.began(meanAge(staged, now), startedAt)
    const collectMs = this.#pace.longestCollectingMs
    if (collectMs > 0) this.#collecting = clock.after(collectMs, () => this.#endCollecting())
    this.#writingSince = startedAt
    this.#writing = this.#write(cycle, staged, startedAt)
  }

  async #write(cycle: number, staged: OpenCycle, startedAt: number): Promise<void> {
    const { commit, clock } = this.#options
    let thrown: unknown
    try {
      await commit()
    } catch (error) {
      thrown = error
    }
    const endedAt = clock.monotonic()
    this.#pace.ended(endedAt)
    this.#writingBytes = 0
    this.#writing = undefined
    if (thrown === undefined) this.#succeeded(cycle, staged, endedAt - startedAt)
    else this.#failed(cycle, staged, thrown)
    if (this.#next.members.length > 0 && !this.#isScheduled && this.#writing === undefined) {
      this.#schedule()
    }
  }

  #succeeded(cycle: number, staged: OpenCycle, durationMs: number): void {
    const { health, observer } = this.#options
    const { members, messages, messageBytes, records } = staged
    // A state alone can be written when messages can't: see `SlotPool`.
    if (records > 0) health.commitSucceeded()
    this.#committedMessages += messages
    this.#committedBytes += messageBytes
    if (messages > 0) observer.committed(messages, messageBytes, durationMs)
    for (const member of members) member.committed()
    this.#lastReported = cycle
    for (const listener of this.#listeners) listener.committed(cycle)
    for (const { resolve } of this.#takeWaiting(cycle)) resolve()
  }

  #failed(cycle: number, { members, records }: OpenCycle, thrown: unknown): void {
    const { health } = this.#options
    const isExpected = thrown instanceof CommitError
    const error = asConnectorError(
      isExpected ? thrown.cause : thrown,
      'StorageFailed',
      'writing to storage',
    )
    const known = records === 0 ? health.failure : undefined
    const refusal = known ?? health.commitFailed(error)
    for (const member of members) {
      member.discarded((isExpected && thrown.discarded.get(member.name)) || [], refusal)
    }
    this.#lastReported = cycle
    for (const listener of this.#listeners) listener.failed(cycle, refusal)
    for (const { reject } of this.#takeWaiting(cycle)) reject(error)
  }

  #takeWaiting(cycle: number): Waiting[] {
    if (this.#waiting.length === 0) return []
    const taken = this.#waiting.filter((one) => one.cycle <= cycle)
    this.#waiting = this.#waiting.filter((one) => one.cycle > cycle)
    return taken
  }
}

function emptyCycle(sinceMs: number): OpenCycle {
  return {
    members: [],
    messages: 0,
    messageBytes: 0,
    records: 0,
    bytes: 0,
    sinceMs,
    arrivedMs: 0,
  }
}

/** How long ago the records came, on average. */
function meanAge({ sinceMs, arrivedMs, records }: OpenCycle, now: number): number {
  return records === 0 ? 0 : now - sinceMs - arrivedMs / records
}
