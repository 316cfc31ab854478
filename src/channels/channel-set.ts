/**
 * All channels of one store: finds a message its channel, holds the limits that go over all of
 * them, and commits them together.
 */
import type { Clock } from '../clock.ts'
import type { Draft, Message, Refusal } from '../message.ts'
import type { PipelineObserver } from '../observer.ts'
import { activeChannelLimit } from './bound-refusals.ts'
import { Channel, type ChannelBounds, type ChannelSurroundings } from './channel.ts'
import type { ChannelLog, LogStore } from './channel-log.ts'
import { Checkpoints } from './checkpoints.ts'
import { type CommitListener, GroupCommit } from './group-commit.ts'
import type { ChannelLedger } from './ledger.ts'
import type { MemoryBudget } from './memory-budget.ts'
import { draftBytes } from './message-bytes.ts'
import { StorageHealth } from './storage-health.ts'
import { StrayRefusals } from './stray-refusals.ts'

export interface ChannelSetOptions {
  readonly store: LogStore
  readonly budget: MemoryBudget
  readonly clock: Clock
  readonly observer: PipelineObserver
  readonly bounds: ChannelBounds
  /** Cursor names, the primary first. None: the local store is the destination, commit = delivered. */
  readonly readers: readonly string[]
  /** Milliseconds between two commits at least; 0: as fast as the medium. */
  readonly minCommitIntervalMs: number
  /** A message that had been accepted was dropped by a rule, or could not be stored. */
  readonly onDropped: (message: Message, refusal: Refusal) => void
}

/** More staged bytes than this never help a disk to write faster. */
const MAX_STAGED_BYTES = 8 * 1024 * 1024
const NO_REFUSAL: Refusal = Object.freeze({ error: '', message: '' })
/** Logs whose names begin so are the connector's own, never a channel. */
const RESERVED_PREFIX = '__'

export class ChannelSet implements Iterable<Channel> {
  readonly #options: ChannelSetOptions
  readonly #surroundings: ChannelSurroundings
  readonly #health: StorageHealth
  readonly #commits: GroupCommit
  readonly #checkpoints: Checkpoints
  readonly #strays = new StrayRefusals()
  readonly #channels = new Map<string, Channel>()
  readonly #listeners: ((channel: Channel) => void)[] = []
  #activeChannels = 0
  #lastRefusal = NO_REFUSAL
  #closing: Promise<void> | undefined

  constructor(options: ChannelSetOptions) {
    const { clock, observer, budget } = options
    this.#options = options
    this.#health = new StorageHealth(clock, observer)
    this.#commits = new GroupCommit({
      clock,
      observer,
      health: this.#health,
      minIntervalMs: options.minCommitIntervalMs,
      maxStagedBytes: Math.min(MAX_STAGED_BYTES, budget.maxBytes),
    })
    this.#checkpoints = new Checkpoints({
      clock,
      onFailed: (channel, error) => void this.#health.failed(channel.name, error),
    })
    this.#surroundings = {
      ...options,
      onChanged: (channel, soon) => this.#checkpoints.changed(channel, soon),
      onActivity: (channel) => {
        this.#activeChannels += channel.isActive ? 1 : -1
      },
    }
  }

  /** Says why `offer` returned -1, until the next one. */
  get lastRefusal(): Refusal {
    return this.#lastRefusal
  }

  /** More waits to be written than may be held in memory: nothing further should be read in. */
  get isSaturated(): boolean {
    return this.#commits.isSaturated
  }

  /** Why messages can't be stored just now; undefined while they can. */
  get storageFailure(): Refusal | undefined {
    return this.#health.failure
  }

  /**
   * Takes the store into use with all channels in it.
   * @throws {ConnectorError} DirectoryLocked, StorageFailed
   */
  async open(): Promise<void> {
    const logs = await this.#options.store.open()
    const states = await Promise.all(logs.map((log) => log.loadState()))
    for (const [index, log] of logs.entries()) {
      if (!log.channel.startsWith(RESERVED_PREFIX))
        this.#add(new Channel(log, states[index], this.#surroundings))
    }
  }

  /** Commits and writes down everything, then lets go of the store. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Commits all that is staged, and writes down where the readers are. */
  async flush(): Promise<void> {
    await this.#commits.flush()
    for (const channel of this) await channel.receiptsSettled()
    await this.#checkpoints.flush()
  }

  get(name: string): Channel | undefined {
    return this.#channels.get(name)
  }

  [Symbol.iterator](): Iterator<Channel> {
    return this.#channels.values()
  }

  /**
   * Takes a message for the channel, whose name is valid. Copies what it needs of the draft.
   * Returns the commit cycle the message belongs to, or -1 when it was refused: see `lastRefusal`.
   */
  offer(name: string, draft: Draft): number {
    const channel = this.#channels.get(name)
    if (channel === undefined) return this.#offerToNew(name, draft)
    return this.#offerTo(channel, draft)
  }

  /**
   * Counts and reports a message that was refused before it could be offered. `name` is what the
   * sender wrote and need not be a name a channel can have.
   */
  refuse(name: string, refusal: Refusal): void {
    const channel = this.#channels.get(name)
    if (channel !== undefined) {
      channel.refuse(refusal)
      return
    }
    this.#strays.refuse(name, refusal.error)
    this.#options.observer.messageDropped(name, refusal.error, refusal.message)
  }

  /** Reports commits from now on. */
  listen(listener: CommitListener): void {
    this.#commits.listen(listener)
  }

  /** Tells of every channel: those that are there now, then each new one. */
  onChannel(call: (channel: Channel) => void): void {
    for (const channel of this) call(channel)
    this.#listeners.push(call)
  }

  /** Every channel's figures, by name. */
  ledger(): ChannelLedger[] {
    const rows = [...this].map((channel) => channel.ledger())
    rows.push(...this.#strays.ledger())
    return rows.sort((left, right) => (left.channel < right.channel ? -1 : 1))
  }

  #offerTo(channel: Channel, draft: Draft): number {
    const bytes = draftBytes(draft)
    const refusal =
      this.#health.refusalFor(channel.name) ??
      this.#activeLimitFor(channel) ??
      channel.offer(draft, bytes, this.#commits.openCycle)
    if (refusal === undefined) return this.#commits.stage(channel, bytes, draft.receivedAt)
    channel.refuse(refusal)
    this.#lastRefusal = refusal
    return -1
  }

  /** A name not seen before gets a channel only while one more may become active. */
  #offerToNew(name: string, draft: Draft): number {
    if (!this.#hasPlaceForOneMore()) {
      this.#lastRefusal = activeChannelLimit(name, this.#options.bounds.maxActiveChannels)
      this.refuse(name, this.#lastRefusal)
      return -1
    }
    const log: ChannelLog = this.#options.store.create(name)
    const channel = new Channel(log, this.#strays.takeOver(name), this.#surroundings)
    this.#add(channel)
    return this.#offerTo(channel, draft)
  }

  #activeLimitFor(channel: Channel): Refusal | undefined {
    if (channel.isActive || this.#hasPlaceForOneMore()) return undefined
    return activeChannelLimit(channel.name, this.#options.bounds.maxActiveChannels)
  }

  /** Without readers nothing waits for anybody, so no channel is ever active. */
  #hasPlaceForOneMore(): boolean {
    const { readers, bounds } = this.#options
    return readers.length === 0 || this.#activeChannels < bounds.maxActiveChannels
  }

  #add(channel: Channel): void {
    this.#channels.set(channel.name, channel)
    if (channel.isActive) this.#activeChannels += 1
    for (const call of this.#listeners) call(channel)
  }

  async #close(): Promise<void> {
    await this.flush()
    await this.#checkpoints.close()
    await Promise.all([...this].map((channel) => channel.log.close()))
    await this.#options.store.close()
  }
}
