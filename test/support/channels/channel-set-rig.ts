/** A channel set with everything a test wants to look at or move. */

import type { ChannelBounds, ChannelRules } from '../../../src/channels/channel-rules.ts'
import { ChannelSet } from '../../../src/channels/channel-set.ts'
import type { CursorStart } from '../../../src/channels/cursors/restored-cursors.ts'
import type { DeadLetterBounds } from '../../../src/channels/dead-letters/dead-letters.ts'
import type { ChannelLedger } from '../../../src/channels/ledger/ledger.ts'
import type { LogStore } from '../../../src/channels/log/channel-log.ts'
import { MemoryBudget } from '../../../src/channels/log/memory-budget.ts'
import { MemoryLogStore } from '../../../src/channels/log/memory-log-store.ts'
import type { Draft, Message, Refusal } from '../../../src/message.ts'
import { type PipelineObserver, silentObserver } from '../../../src/observer.ts'
import { type FakeDisk, FakeLogStore } from '../disk/fake-log-store.ts'
import { ManualClock } from '../manual-clock.ts'

export interface RigOptions {
  /** Default: logs in memory. */
  readonly openStore?: (budget: MemoryBudget, clock: ManualClock) => LogStore
  readonly disk?: FakeDisk
  readonly keepsHistory?: boolean
  readonly memoryBytes?: number
  readonly bounds?: Partial<ChannelBounds>
  readonly cursorNames?: readonly string[]
  readonly cursorStarts?: Readonly<Record<string, CursorStart>>
  readonly rules?: ChannelRules
  readonly deadLetters?: DeadLetterBounds
  readonly minCommitIntervalMs?: number
  readonly observer?: Partial<PipelineObserver>
  readonly clock?: ManualClock
}

export interface Dropped {
  readonly id: string | undefined
  readonly error: string
  readonly message: string
}

export class ChannelSetRig {
  readonly clock: ManualClock
  readonly budget: MemoryBudget
  readonly store: LogStore
  readonly set: ChannelSet
  /** Why the last offer was refused. */
  lastRefusal: Refusal = { error: '', message: 'nothing was refused yet' }
  /** What `onDropped` reported, in order. */
  readonly dropped: Dropped[] = []
  /** What listeners were called with, as `committed 1`, `failed 2 StorageFailed`. */
  readonly cycles: string[] = []

  constructor(options: RigOptions = {}) {
    this.clock = options.clock ?? new ManualClock()
    this.budget = new MemoryBudget(options.memoryBytes ?? 64 * 1024 * 1024)
    this.store = this.#storeOf(options)
    this.set = new ChannelSet({
      store: this.store,
      budget: this.budget,
      clock: this.clock,
      observer: { ...silentObserver, ...options.observer },
      bounds: {
        maxBacklogMessages: Number.POSITIVE_INFINITY,
        dropBehavior: 'DROP_NEWEST',
        maxActiveChannels: 50,
        maxChannels: 1_000,
        ...options.bounds,
      },
      cursorNames: options.cursorNames ?? ['primary'],
      cursorStarts: options.cursorStarts ?? {},
      ...(options.deadLetters === undefined ? {} : { deadLetters: options.deadLetters }),
      rulesFor: () => options.rules ?? {},
      minCommitIntervalMs: options.minCommitIntervalMs ?? 0,
      onDropped: (message: Message, refusal: Refusal) => {
        this.dropped.push({
          id: message.senderId,
          error: refusal.error,
          message: refusal.message,
        })
      },
    })
    this.set.commits.listen({
      committed: (cycle) => this.cycles.push(`committed ${cycle}`),
      failed: (cycle, refusal) => this.cycles.push(`failed ${cycle} ${refusal.error}`),
    })
  }

  #storeOf({ openStore, disk, keepsHistory = false }: RigOptions): LogStore {
    if (openStore !== undefined) return openStore(this.budget, this.clock)
    if (disk !== undefined) return new FakeLogStore(disk)
    return new MemoryLogStore({ budget: this.budget, keepsHistory })
  }

  /** Offers a message whose id and payload are `id`: its cycle, or -1 and `lastRefusal`. */
  offer(channel: string, id: string, payload = id, mayWithhold = false): number {
    const outcome = this.set.offer(channel, this.draft(id, payload), mayWithhold)
    if (typeof outcome === 'number') return outcome
    this.lastRefusal = outcome
    return -1
  }

  draft(id: string | undefined, payload: string): Draft {
    return {
      receivedAt: this.clock.now(),
      topic: 'iotanalytics/channels/c/messages/put',
      id,
      text: payload,
      bytes: Buffer.alloc(0),
      start: 0,
      end: 0,
      reply: undefined,
    }
  }

  /** The ids of up to `count` messages leased and delivered. */
  async deliver(channel: string, count = 1_000, cursorName = 'primary'): Promise<string[]> {
    const cursor = this.set.get(channel)!.cursor(cursorName)
    const lease = await cursor.lease(count, 1_000_000)
    if (lease === undefined) return []
    cursor.settle(lease, { rejected: [], kept: [] })
    return idsOf(lease.messages)
  }

  ledger(channel: string): ChannelLedger {
    const row = this.set.ledger().find((one) => one.channel === channel)
    if (row === undefined) throw new Error(`no ledger of ${channel}`)
    return row
  }
}

export function idsOf(messages: readonly Message[]): string[] {
  return messages.map((message) => message.senderId ?? message.messageId)
}

/** received − (delivered + rejected + Σ dropped + expired + waiting + inFlight): always 0. */
export function ledgerGap(row: ChannelLedger): number {
  const dropped = Object.values(row.dropped).reduce((sum, count) => sum + count, 0)
  return (
    row.received -
    (row.delivered + row.rejected + dropped + row.expired + row.waiting + row.inFlight)
  )
}

/** A rig whose channels are open. */
export async function openRig(options: RigOptions = {}): Promise<ChannelSetRig> {
  const rig = new ChannelSetRig(options)
  await rig.set.open()
  return rig
}

/** Offers messages to channel `c` and commits them. */
export async function offerAndCommit(rig: ChannelSetRig, ids: readonly string[]): Promise<void> {
  for (const id of ids) rig.offer('c', id)
  await rig.set.flush()
}
