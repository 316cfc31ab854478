/**
 * The set of channels under random work, beside an oracle that knows every message: the ledger adds
 * up after every step, order is kept, no bound is exceeded, and no acknowledged message is lost
 * silently, whatever fails or crashes.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Cursor, Lease } from '../../../src/channels/cursors/cursor.ts'
import type { LogStore } from '../../../src/channels/log/channel-log.ts'
import type { MemoryBudget } from '../../../src/channels/log/memory-budget.ts'
import type { Clock } from '../../../src/clock.ts'
import { ChannelSetRig, ledgerGap } from './channel-set-rig.ts'

const CHANNELS = ['alpha', 'beta', 'gamma'] as const
const CURSOR_NAMES = ['primary', 'second'] as const
const MAX_BACKLOG = 6
const MAX_ACTIVE = 2

const operationOf = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('offer' as const),
      channel: fc.nat(2),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('lease' as const),
      channel: fc.nat(2),
      cursor: fc.nat(1),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      pick: fc.nat(5),
      fates: fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('disk' as const), fails: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      byMs: fc.constantFrom(200, 1_000, 40_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
)
/** Long enough that much happens between two crashes. */
export const operationsOf = fc.array(operationOf, { minLength: 5, maxLength: 60, size: 'max' })
export type Operation = typeof operationOf extends fc.Arbitrary<infer T> ? T : never

interface OpenLease {
  readonly cursor: Cursor
  readonly lease: Lease
}

/** What the logs of a trial are on. */
export interface TrialMedium {
  /** Whether what is committed is there again after a crash. */
  readonly isDurable: boolean
  openStore(budget: MemoryBudget, clock: Clock): LogStore
  /** From now on writes fail, or succeed again. */
  setFailing(fails: boolean): void
  /** The process is gone; nothing it had begun goes on. */
  crash(): void
}

export interface ChannelTrialOptions {
  readonly medium: TrialMedium
  readonly cursors: number
  readonly dropBehavior: 'DROP_NEWEST' | 'DROP_OLDEST'
}

/** Runs operations and checks after each. One lives through several crashes. */
export class ChannelTrial {
  readonly #medium: TrialMedium
  readonly #cursorNames: readonly string[]
  readonly #dropBehavior: 'DROP_NEWEST' | 'DROP_OLDEST'
  #rig: ChannelSetRig
  #nextId = 0
  #leases: OpenLease[] = []
  /** Ids appended and not known to be committed, by cycle. */
  readonly #staged = new Map<string, number>()
  readonly #acknowledged = new Set<string>()
  /** Settled by the primary, or reported as dropped. */
  readonly #accountedFor = new Set<string>()
  #dropsNoted = 0
  /** Settled by the primary since the last crash: none of these may be reported as dropped too. */
  #settledInThisLife = new Set<string>()
  /** Then what was settled since the last checkpoint waits again, beyond any bound. */
  #hasCrashed = false

  constructor({ medium, cursors, dropBehavior }: ChannelTrialOptions) {
    this.#medium = medium
    this.#cursorNames = CURSOR_NAMES.slice(0, cursors)
    this.#dropBehavior = dropBehavior
    this.#rig = this.#newRig()
  }

  async run(operations: readonly Operation[]): Promise<void> {
    await this.#rig.set.open()
    for (const operation of operations) {
      await this.#step(operation)
      this.#check()
    }
    await this.#drain()
  }

  #newRig(): ChannelSetRig {
    const rig = new ChannelSetRig({
      openStore: (budget, clock) => this.#medium.openStore(budget, clock),
      cursorNames: this.#cursorNames,
      rules: { maxAgeMs: 30_000, deduplication: { windowMs: 10_000, maxIds: 10 } },
      bounds: {
        maxBacklogMessages: MAX_BACKLOG,
        dropBehavior: this.#dropBehavior,
        maxActiveChannels: MAX_ACTIVE,
      },
    })
    const acknowledge = (cycle: number) => {
      if (rig === this.#rig) this.#acknowledge(cycle)
    }
    rig.set.commits.listen({ committed: acknowledge, failed: acknowledge })
    return rig
  }

  /** A failed cycle is acknowledged too; `onDropped` reported its lost messages before. */
  #acknowledge(cycle: number): void {
    this.#noteDrops()
    for (const [id, stagedIn] of this.#staged) {
      if (stagedIn > cycle) continue
      this.#staged.delete(id)
      this.#acknowledged.add(id)
    }
  }

  async #step(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case 'offer':
        return this.#offer(CHANNELS[operation.channel]!, operation.count)
      case 'turn':
        return this.#turn()
      case 'lease':
        return this.#lease(operation)
      case 'settle':
        return this.#settle(operation.pick, operation.fates)
      case 'disk':
        return this.#medium.setFailing(operation.fails)
      case 'wait':
        this.#rig.clock.advance(operation.byMs)
        return this.#turn()
      case 'crash':
        return this.#crash()
    }
  }

  #offer(channel: string, count: number): void {
    for (let i = 0; i < count; i += 1) {
      const id = `m${this.#nextId}`
      this.#nextId += 1
      const cycle = this.#rig.offer(channel, id)
      if (cycle >= 0) this.#staged.set(id, cycle)
      else assert.ok(this.#isAbout(channel))
      this.#check()
    }
  }

  /** What concerns one channel names it; what concerns all of storage does not. */
  #isAbout(channel: string): boolean {
    const { error, message } = this.#rig.lastRefusal
    return error === 'StorageFailed' || message.includes(channel)
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
  }

  async #lease(operation: { channel: number; cursor: number; count: number }): Promise<void> {
    const channel = this.#rig.set.get(CHANNELS[operation.channel]!)
    if (channel === undefined) return
    const cursor = channel.cursor(this.#cursorNames[operation.cursor % this.#cursorNames.length]!)
    const lease = await cursor.lease(operation.count, 1_000)
    if (lease === undefined) return
    const offsets = lease.messages.map((message) => message.offset)
    assert.deepEqual(
      offsets,
      [...new Set(offsets)].sort((a, b) => a - b),
    )
    for (const { lease: other, cursor: owner } of this.#leases) {
      if (owner !== cursor) continue
      for (const { offset } of other.messages) assert.ok(!offsets.includes(offset))
    }
    this.#leases.push({ cursor, lease })
  }

  #settle(pick: number, fates: readonly number[]): void {
    const [open] = this.#leases.splice(pick % Math.max(1, this.#leases.length), 1)
    if (open === undefined) return
    const { cursor, lease } = open
    const rejected: number[] = []
    const kept: number[] = []
    for (const [index, message] of lease.messages.entries()) {
      if (fates[index] === 1) rejected.push(index)
      if (fates[index] === 2) kept.push(index)
      else if (cursor.name === 'primary') this.#noteSettled(message.senderId!)
    }
    cursor.settle(lease, { rejected, kept })
  }

  async #crash(): Promise<void> {
    if (!this.#medium.isDurable) return
    this.#noteDrops()
    this.#hasCrashed = true
    this.#medium.crash()
    this.#staged.clear()
    this.#leases = []
    this.#dropsNoted = 0
    this.#settledInThisLife.clear()
    this.#rig = this.#newRig()
    await this.#rig.set.open()
  }

  #noteSettled(id: string): void {
    assert.ok(!this.#settledInThisLife.has(id), `${id} was settled twice`)
    this.#settledInThisLife.add(id)
    this.#accountedFor.add(id)
  }

  #noteDrops(): void {
    for (const { id } of this.#rig.dropped.slice(this.#dropsNoted)) this.#noteSettled(id!)
    this.#dropsNoted = this.#rig.dropped.length
  }

  #check(): void {
    let active = 0
    for (const row of this.#rig.set.ledger()) {
      assert.equal(ledgerGap(row), 0, JSON.stringify(row))
      assert.ok(row.waiting >= 0 && row.inFlight >= 0 && row.delivered >= 0)
      const backlog = this.#rig.set.get(row.channel)?.backlog ?? 0
      if (!this.#hasCrashed) assert.ok(backlog <= MAX_BACKLOG, `backlog ${backlog}`)
      if (backlog > 0) active += 1
    }
    if (!this.#hasCrashed) assert.ok(active <= MAX_ACTIVE, `${active} active channels`)
  }

  /** Lets everything end, then asks what became of each acknowledged message. */
  async #drain(): Promise<void> {
    this.#medium.setFailing(false)
    for (const { cursor, lease } of this.#leases.splice(0)) {
      cursor.settle(lease, { rejected: [], kept: lease.messages.map((_, index) => index) })
    }
    await this.#rig.set.flush()
    for (const channel of this.#rig.set) {
      for (const name of this.#cursorNames) await this.#drainCursor(channel.cursor(name))
      assert.equal(channel.backlog, 0)
    }
    await this.#rig.set.flush()
    this.#noteDrops()
    this.#check()
    for (const id of this.#acknowledged) assert.ok(this.#accountedFor.has(id), `${id} is lost`)
    if (!this.#medium.isDurable) assert.equal(this.#rig.budget.held, 0)
    await this.#rig.set.close()
  }

  async #drainCursor(cursor: Cursor): Promise<void> {
    let last = -1
    for (
      let lease = await cursor.lease(3, 1_000);
      lease !== undefined;
      lease = await cursor.lease(3, 1_000)
    ) {
      for (const message of lease.messages) {
        assert.ok(message.offset > last, 'order is kept')
        last = message.offset
        if (cursor.name === 'primary') this.#noteSettled(message.senderId!)
      }
      cursor.settle(lease, { rejected: [], kept: [] })
    }
  }
}
