/**
 * All channels of one store. The set finds the channel of a message, holds the limits over all
 * channels, and commits all channels together.
 */
import { isChannelName } from '../channel-name.ts'
import type { Clock } from '../clock.ts'
import { type Draft, type Message, messageOfDraft, type Refusal } from '../message.ts'
import type { PipelineObserver } from '../observer.ts'
import { Channel, type ChannelContext } from './channel.ts'
import type { ChannelBounds, ChannelRules } from './channel-rules.ts'
import { Checkpoints } from './commit/checkpoints.ts'
import { type Committed, GroupCommit } from './commit/group-commit.ts'
import { StorageHealth, type StorageState } from './commit/storage-health.ts'
import type { CursorStart } from './cursors/restored-cursors.ts'
import {
  DEAD_LETTERS_LOG,
  type DeadLetterBounds,
  DeadLetters,
} from './dead-letters/dead-letters.ts'
import { ExpirySweep } from './expiry-sweep.ts'
import { sumUp } from './ledger/channel-ledger.ts'
import type { ChannelLedger } from './ledger/ledger.ts'
import { OutcomeCounts, type OutcomeTotals } from './ledger/outcome-totals.ts'
import { withFaults } from './ledger/set-aside-rows.ts'
import { UnknownChannelRefusals } from './ledger/unknown-channel-refusals.ts'
import { LimitHits } from './limits/limit-hits.ts'
import {
  activeChannelLimit,
  alreadyStored,
  channelLimit,
  type MayWithhold,
  storageFull,
  withholds,
} from './limits/limit-refusals.ts'
import type { ChannelLog, LogFault, LogStore } from './log/channel-log.ts'
import { draftBytes, type MemoryBudget } from './log/memory-budget.ts'
import { Restoration } from './restoration.ts'
import { type RestoredChannel, restoreChannel } from './restored-channel.ts'
import { SourceLog } from './source-log.ts'

export interface ChannelSetOptions {
  readonly store: LogStore
  readonly budget: MemoryBudget
  readonly clock: Clock
  readonly observer: PipelineObserver
  readonly bounds: ChannelBounds
  /**
   * One for each destination, the primary first. Without any, the local store is the destination: a
   * message is delivered when it is committed.
   */
  readonly cursorNames: readonly string[]
  /**
   * Where a cursor begins that is new to a channel. Default: with messages that arrive from now on.
   */
  readonly cursorStarts?: Readonly<Record<string, CursorStart>>
  /** The rules of single channels. Default: no rules. */
  readonly rulesFor?: (channel: string) => ChannelRules
  /** How many dead letters are kept. Default: none are kept. */
  readonly deadLetters?: DeadLetterBounds
  /** Milliseconds between two commits at least; 0: as fast as the medium can. */
  readonly minCommitIntervalMs: number
  /** An accepted message was dropped by a limit or a rule, or could not be stored. */
  readonly onDropped: (message: Message, refusal: Refusal) => void
}

/** More staged bytes than this do not make a disk faster. */
const MAX_STAGED_BYTES = 8 * 1024 * 1024
const NOTHING_RESTORED = { positions: new Map(), missing: new Map(), dormant: {}, ids: undefined }
/** Logs whose names begin with it are the connector's own, never a channel. */
const RESERVED_PREFIX = '__'

export class ChannelSet implements Iterable<Channel> {
  /** Commits all channels; reports which cycles are durable. */
  readonly commits: GroupCommit
  readonly hits: LimitHits
  readonly #options: ChannelSetOptions
  readonly #context: ChannelContext
  readonly #health: StorageHealth
  readonly #checkpoints: Checkpoints
  readonly #sweep: ExpirySweep
  readonly #restoration: Restoration
  readonly #unknownChannels = new UnknownChannelRefusals()
  readonly #channels = new Map<string, Channel>()
  readonly #outcomes: OutcomeCounts
  readonly #listeners: ((channel: Channel) => void)[] = []
  #activeChannels = 0
  #deadLetters: DeadLetters | undefined
  /** The connector's own logs that were found, by name. */
  #reserved: ReadonlyMap<string, ChannelLog> = new Map()
  #closing: Promise<void> | undefined

  constructor(options: ChannelSetOptions) {
    const { clock, observer, budget } = options
    this.#options = options
    this.#outcomes = new OutcomeCounts(options.cursorNames)
    this.hits = new LimitHits({
      ...options,
      channels: this,
      hasPlaceForOneMore: () => this.#hasPlaceForOneMore(),
    })
    this.#health = new StorageHealth({ clock, observer, probe: () => options.store.probe() })
    this.commits = new GroupCommit({
      commit: () => options.store.commit(),
      clock,
      observer,
      health: this.#health,
      minIntervalMs: options.minCommitIntervalMs,
      maxStagedBytes: Math.min(
        MAX_STAGED_BYTES,
        budget.maxBytes,
        options.store.maxCommitBytes ?? MAX_STAGED_BYTES,
      ),
    })
    this.#checkpoints = new Checkpoints(clock)
    this.#sweep = new ExpirySweep({
      clock,
      channels: this,
      retryFaults: () => this.#retryFaults(),
      onFailed: ({ name }, error) => observer.storageFailed(name, error),
    })
    this.#restoration = new Restoration({
      observer,
      restore: (log) => this.#restore(log),
      ready: (log, restored) => this.#restored(log, restored),
    })
    this.#context = {
      rulesFor: () => ({}),
      ...options,
      hits: this.hits,
      onChanged: (channel, soon) => this.#checkpoints.changed(channel, soon),
      commits: this.commits,
      onActivity: (channel) => {
        this.#activeChannels += channel.isActive ? 1 : -1
      },
    }
  }

  /** Why messages can't be stored now; undefined while they can. */
  get storageFailure(): Refusal | undefined {
    return this.#health.failure
  }

  /** The state of storage with advice for the operator, and what was committed since the start. */
  get storageFigures(): { readonly state: StorageState; readonly committed: Committed } {
    return { state: this.#health.state, committed: this.commits.committed }
  }

  /** Channels that are set aside, because their own files fail. */
  get faults(): readonly LogFault[] {
    return [...(this.#options.store.faults ?? []), ...this.#restoration.faults]
  }

  /** Undefined if the configuration keeps no dead letters, and before `open`. */
  get deadLetters(): DeadLetters | undefined {
    return this.#deadLetters
  }

  /**
   * Opens the store with all channels in it.
   * @throws {ConnectorError} DirectoryLocked, StorageFailed
   */
  async open(): Promise<void> {
    const { store } = this.#options
    store.onStatesWanted = () => this.#checkpoints.flush()
    const logs = await store.open()
    const isReserved = (log: ChannelLog) => log.channel.startsWith(RESERVED_PREFIX)
    this.#reserved = new Map(logs.filter(isReserved).map((log) => [log.channel, log]))
    await this.#openDeadLetters()
    const channels = logs.filter((log) => !isReserved(log))
    store.onReopened = (log) => this.#restoration.add(log)
    await this.#restoration.restoreAll(channels)
    await this.#deadLetters?.restoreShares()
    this.#sweep.start()
  }

  /**
   * Commits all that is staged, writes down all states, and closes the store. Idempotent.
   * @param maxMs how long the store may take for what makes the next start quick
   */
  close(maxMs?: number): Promise<void> {
    this.#closing ??= this.#close(maxMs)
    return this.#closing
  }

  /** Commits all that is staged, and writes down where the cursors are. */
  async flush(): Promise<void> {
    await this.commits.flush()
    for (const channel of this) await channel.dropsReported()
    this.#checkpoints.flush()
    await this.commits.flush()
  }

  get(name: string): Channel | undefined {
    return this.#channels.get(name)
  }

  [Symbol.iterator](): Iterator<Channel> {
    return this.#channels.values()
  }

  /**
   * Takes a message for the channel; the name must be valid. The draft is copied. Returns the
   * commit cycle of the message, or why it was refused. A refusal is counted and reported. With one
   * exception: if the sender keeps the message (`withholds`), it is as if it had never been offered.
   */
  offer(name: string, draft: Draft, mayWithhold: MayWithhold = false): number | Refusal {
    const channel = this.#channels.get(name)
    if (channel === undefined) return this.#offerToNew(name, draft, mayWithhold)
    return this.#offerTo(channel, draft, mayWithhold)
  }

  /**
   * Counts and reports a message that was refused before it could be offered. `name` is the channel
   * as the sender wrote it. A name that no channel can have is not kept: such messages are counted
   * together.
   */
  refuse(name: string, refusal: Refusal): void {
    const channel = this.#channels.get(name)
    if (channel !== undefined) {
      channel.refuse(refusal)
      return
    }
    const possible = isChannelName(name) ? name : undefined
    this.#unknownChannels.refuse(possible, refusal.error)
    this.#noteRefusals()
    this.#options.observer.messageDropped(possible, refusal.error, refusal.message)
  }

  /** Calls back for every channel: now for those that exist, and later for each new one. */
  onChannel(call: (channel: Channel) => void): void {
    for (const channel of this) call(channel)
    this.#listeners.push(call)
  }

  /** Every channel's figures, by name. */
  ledger(): ChannelLedger[] {
    const rows = [...this].map((channel) => channel.ledger())
    rows.push(...this.#unknownChannels.ledger())
    const all = withFaults(rows, this.faults, (name) => this.#channels.has(name))
    return all.sort((left, right) => (left.channel < right.channel ? -1 : 1))
  }

  /** What became of the messages of all channels since the start; cheaper than the ledger. */
  outcomes(): OutcomeTotals {
    return this.#outcomes.since(this, this.#unknownChannels.totals)
  }

  /**
   * The log in which a source keeps records, as it was left. Ask for it once, after `open`. No
   * channel can have such a name; all other logs leave `reservedBytes` of the store to it.
   */
  async sourceLog(name: `__${string}`, reservedBytes: number): Promise<SourceLog> {
    const { store } = this.#options
    const found = this.#reserved.get(name)
    return new SourceLog({
      ...this.#options,
      log: found ?? store.create(name),
      state: await found?.loadState(),
      commits: this.commits,
      reservedBytes,
      mayWrite: () => this.#health.failure === undefined,
    })
  }

  async #openDeadLetters(): Promise<void> {
    const { deadLetters: bounds, store } = this.#options
    if (bounds === undefined) return
    const found = this.#reserved.get(DEAD_LETTERS_LOG)
    const state = await found?.loadState()
    this.#outcomes.found({ refused: this.#unknownChannels.restore(state), cursors: [] })
    this.#deadLetters = new DeadLetters({
      ...this.#options,
      bounds,
      isChannel: (name) => this.#channels.has(name) || this.#isSetAside(name),
      log: found ?? store.create(DEAD_LETTERS_LOG),
      state,
      refusedElsewhere: () => this.#unknownChannels.totals,
      mayWrite: () => this.#health.failure === undefined,
      stageState: (letters) => this.commits.stageState(letters),
      stage: (letters, bytes) => void this.commits.stage(letters, bytes, this.#options.clock.now()),
      onChanged: (letters) => this.#checkpoints.changed(letters, false),
    })
  }

  #restore(log: ChannelLog): Promise<RestoredChannel> {
    const { cursorNames, cursorStarts = {}, clock } = this.#options
    const { deduplication } = this.#context.rulesFor(log.channel)
    return restoreChannel(log, { cursorNames, cursorStarts, deduplication, now: clock.now() })
  }

  /** Restores a channel that was found, or that was set aside until now. */
  #restored(log: ChannelLog, restored: RestoredChannel): void {
    const refused = this.#unknownChannels.takeOver(log.channel)
    const all = { ...restored, refused: sumUp(restored.refused, refused) }
    const channel = new Channel(log, all, this.#context)
    this.#add(channel)
    this.#outcomes.found({ refused: restored.refused, cursors: channel.cursors })
    if (Object.keys(refused).length > 0) this.#noteRefusals(channel)
  }

  async #retryFaults(): Promise<void> {
    await this.#options.store.retryFaults?.()
    await this.#restoration.retry()
  }

  #isSetAside(name: string): boolean {
    return this.faults.some(({ channel }) => channel === name)
  }

  #offerTo(channel: Channel, draft: Draft, mayWithhold: MayWithhold): number | Refusal {
    const cycleOfDuplicate = channel.cycleOfDuplicate(draft)
    if (cycleOfDuplicate !== undefined) {
      return this.#refuseDuplicate(channel, draft, cycleOfDuplicate)
    }
    const bytes = draftBytes(draft)
    const refusal =
      this.#health.failure ??
      this.#activeLimitFor(channel, bytes) ??
      channel.offer(draft, bytes, this.commits.openCycle)
    if (refusal === undefined) return this.commits.stage(channel, bytes, draft.receivedAt)
    if (!withholds(mayWithhold, refusal.error)) channel.refuse(refusal)
    else this.hits.withhold(refusal.error)
    return refusal
  }

  /**
   * A duplicate of a message that is already stored is refused. If the first one is still being
   * committed, the duplicate belongs to the same cycle: if that commit fails, neither is stored,
   * and the sender must not take the duplicate's acknowledgement for a proof that one is.
   */
  #refuseDuplicate(channel: Channel, draft: Draft, cycle: number): number | Refusal {
    const refusal = alreadyStored(channel.name)
    channel.refuse(refusal)
    if (cycle <= this.commits.lastReported) return refusal
    this.#options.onDropped(messageOfDraft(draft), refusal)
    return cycle
  }

  /** A new name gets a channel only if there is room for one, because anybody can invent names. */
  #offerToNew(name: string, draft: Draft, mayWithhold: MayWithhold): number | Refusal {
    const refusal = this.#refusalForNew(name, draftBytes(draft))
    if (refusal !== undefined) {
      if (!withholds(mayWithhold, refusal.error)) this.refuse(name, refusal)
      else this.hits.withhold(refusal.error)
      return refusal
    }
    const log: ChannelLog = this.#options.store.create(name)
    const refused = this.#unknownChannels.takeOver(name)
    const channel = new Channel(log, { ...NOTHING_RESTORED, refused }, this.#context)
    this.#add(channel)
    this.#noteRefusals()
    return this.#offerTo(channel, draft, mayWithhold)
  }

  #noteRefusals(channel?: Channel): void {
    if (channel !== undefined) this.#checkpoints.changed(channel, false)
    if (this.#deadLetters !== undefined) this.#checkpoints.changed(this.#deadLetters, false)
  }

  #refusalForNew(name: string, bytes: number): Refusal | undefined {
    const { store, bounds } = this.#options
    const fault = this.faults.find(({ channel }) => channel === name)
    if (fault !== undefined) return fault.refusal
    if (this.#channels.size >= bounds.maxChannels) return channelLimit(name, bounds.maxChannels)
    if (!this.#hasPlaceForOneMore()) return this.#activeLimit(name, bytes)
    if (store.bytes + bytes <= store.maxBytes || store.makeRoom(bytes)) return undefined
    this.hits.hit('StorageFull', bytes)
    return storageFull(name, store.maxBytes)
  }

  #activeLimitFor(channel: Channel, bytes: number): Refusal | undefined {
    if (channel.isActive || this.#hasPlaceForOneMore()) return undefined
    return this.#activeLimit(channel.name, bytes)
  }

  #activeLimit(name: string, bytes: number): Refusal {
    this.hits.hit('ActiveChannelLimit', bytes)
    return activeChannelLimit(name, this.#options.bounds.maxActiveChannels)
  }

  /** Without cursors no message waits, so no channel is ever active. */
  #hasPlaceForOneMore(): boolean {
    const { cursorNames, bounds } = this.#options
    return cursorNames.length === 0 || this.#activeChannels < bounds.maxActiveChannels
  }

  #add(channel: Channel): void {
    channel.start()
    this.#channels.set(channel.name, channel)
    if (channel.isActive) this.#activeChannels += 1
    for (const call of this.#listeners) call(channel)
  }

  async #close(maxMs?: number): Promise<void> {
    await this.#sweep.close()
    await this.flush()
    await this.#health.close()
    await this.#options.store.close(maxMs)
  }
}
