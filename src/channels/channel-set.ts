/**
 * All channels of one store: finds a message its channel, holds the limits that go over all of
 * them, and commits them together.
 */
import type { Clock } from '../clock.ts'
import type { Draft, Message, Refusal } from '../message.ts'
import type { PipelineObserver } from '../observer.ts'
import type { Channel } from './channel.ts'
import type { LogStore } from './channel-log.ts'
import type { CommitListener } from './group-commit.ts'
import type { ChannelLedger } from './ledger.ts'
import type { MemoryBudget } from './memory-budget.ts'

export interface ChannelBounds {
  /** Messages one channel may hold unsettled, those in flight included. `Infinity`: bytes bound it. */
  readonly maxBacklogMessages: number
  readonly dropBehavior: 'DROP_NEWEST' | 'DROP_OLDEST'
  /** Channels that may have a backlog at the same time. */
  readonly maxActiveChannels: number
}

export interface ChannelSetOptions {
  readonly store: LogStore
  readonly budget: MemoryBudget
  readonly clock: Clock
  readonly observer: PipelineObserver
  readonly bounds: ChannelBounds
  /** Cursor names, the primary first. None: the local store is the destination, commit = delivered. */
  readonly readers: readonly string[]
  readonly minCommitIntervalMs: number
  /** A message that had been accepted was dropped by a rule, could not be stored, or is damaged. */
  readonly onDropped: (message: Message, refusal: Refusal) => void
}

export class ChannelSet implements Iterable<Channel> {
  readonly isSaturated: boolean = false
  readonly lastRefusal: Refusal = { error: '', message: '' }
  /** Why messages can't be stored just now; undefined while they can. */
  readonly storageFailure: Refusal | undefined = undefined

  constructor(_options: ChannelSetOptions) {}

  open(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** Commits all that is staged and writes down where the readers are. */
  flush(): Promise<void> {
    return Promise.resolve()
  }

  get(_name: string): Channel | undefined {
    return undefined
  }

  /** Takes a message: the commit cycle it belongs to, or -1 when refused (see `lastRefusal`). */
  offer(_name: string, _draft: Draft): number {
    return -1
  }

  listen(_listener: CommitListener): void {}

  /** Tells of every channel: those found at `open`, then each new one. */
  onChannel(_call: (channel: Channel) => void): void {}

  ledger(): ChannelLedger[] {
    return []
  }

  [Symbol.iterator](): Iterator<Channel> {
    return [][Symbol.iterator]()
  }
}
