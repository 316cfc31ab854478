/** Random work on a disk log, beside a plain array of what it must hold. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { DiskLogStoreOptions } from '../../../src/channels/disk/disk-log-store.ts'
import { type ChannelLog, CommitError } from '../../../src/channels/log/channel-log.ts'
import { MemoryBudget } from '../../../src/channels/log/memory-budget.ts'
import type { Message } from '../../../src/message.ts'
import { binaryDraft, readAll } from '../channels/log-drafts.ts'
import { diskStore } from './disk-stores.ts'
import type { SimulatedDisk } from './simulated-disk.ts'

type Step =
  | { readonly do: 'append'; readonly count: number; readonly bytes: number }
  | { readonly do: 'commit' }
  | { readonly do: 'appendAndCommit'; readonly count: number; readonly bytes: number }
  | { readonly do: 'read'; readonly back: number }
  | { readonly do: 'release'; readonly keep: number }
  | { readonly do: 'noteState' }
  | { readonly do: 'probe' }
  | { readonly do: 'makeRoom' }
  | { readonly do: 'reopen' }

export const appendSizes = {
  count: fc.integer({ min: 1, max: 12 }),
  bytes: fc.integer({ min: 0, max: 900 }),
}
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('append' as const), ...appendSizes }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('appendAndCommit' as const), ...appendSizes }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      back: fc.integer({ min: 0, max: 40 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      keep: fc.integer({ min: 0, max: 20 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('noteState' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('probe' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('makeRoom' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
)
export const steps = fc.array(step, { minLength: 1, maxLength: 40 })
export const settings = fc.record({
  segmentBytes: fc.constantFrom(300, 2000, 100_000),
  budgetBytes: fc.constantFrom(0, 1_000_000),
  historyBytes: fc.constantFrom(0, 3000, 1_000_000),
  slotBytes: fc.constantFrom(8_192, 16_384, 20_480, 131_072),
})

/** A log, and the array that it should behave like. */
export class DiskLogTrial {
  readonly #random: () => number
  readonly #options: Partial<DiskLogStoreOptions>
  disk: SimulatedDisk
  #store
  #log: ChannelLog | undefined
  #next = 0
  /** The committed payloads, by offset. */
  readonly committed: Buffer[] = []
  /** Appended, but not in a successful commit. */
  staged: Buffer[] = []
  released = 0

  constructor(disk: SimulatedDisk, random: () => number, options: Partial<DiskLogStoreOptions>) {
    this.disk = disk
    this.#random = random
    this.#options = options
    this.#store = this.#newStore()
  }

  get log(): ChannelLog {
    this.#log ??= this.#store.create('press_1')
    return this.#log
  }

  async open(): Promise<void> {
    this.#store = this.#newStore()
    const logs = await this.#store.open()
    this.#log = logs[0]
  }

  async close(): Promise<void> {
    await this.#store.close()
    this.staged = []
  }

  append(count: number, bytes: number): void {
    for (let index = 0; index < count; index++) {
      const payload = Buffer.alloc(bytes, this.#random() < 0.2 ? 0 : this.#next)
      payload.write(`${this.#next}`)
      this.#next++
      const repeats = this.#random() < 0.7
      const topic = repeats ? 'line/1' : `line/${this.#next}`
      const receivedAt = 1_700_000_000_000 + Math.floor(this.#random() * 100)
      this.log.append(binaryDraft(payload, { topic, receivedAt }))
      this.staged.push(payload)
    }
  }

  /** Commits; a failure removes the messages of the commit from the model. */
  async commit(meanwhile?: () => void): Promise<void> {
    const group = this.staged
    const committing = this.#store.commit()
    this.staged = []
    meanwhile?.()
    try {
      await committing
      this.committed.push(...group)
    } catch (error) {
      if (!this.disk.hasPower) {
        this.staged = [...group, ...this.staged]
        throw error
      }
      assert.ok(error instanceof CommitError)
      assert.deepEqual(payloads(error.discarded.get('press_1') ?? []), group)
    }
  }

  async take(one: Step): Promise<void> {
    switch (one.do) {
      case 'append':
        return this.append(one.count, one.bytes)
      case 'commit':
        return this.commit()
      case 'appendAndCommit':
        this.append(1, one.bytes)
        return this.commit(() => this.append(one.count, one.bytes))
      case 'read':
        return this.checkReads(Math.max(this.released, this.committed.length - one.back))
      case 'release':
        this.released = Math.max(this.released, this.committed.length - one.keep)
        return this.log.release(this.released)
      case 'noteState': {
        const { committed } = this.log
        this.log.noteState({ version: 1, cursors: {}, refused: {}, end: committed }, this.released)
        return
      }
      case 'probe':
        return this.#store.probe().catch((error) => {
          if (!this.disk.hasPower) throw error
        })
      case 'makeRoom':
        this.#store.makeRoom(this.#store.maxBytes - this.#store.bytes + 1)
        return
      case 'reopen':
        await this.close()
        return this.open()
    }
  }

  async checkReads(from: number): Promise<void> {
    const messages = await readAll(this.log, from)
    assert.deepEqual(payloads(messages), this.committed.slice(from))
    assert.equal(messages[0]?.offset ?? from, from)
  }

  #newStore() {
    return diskStore({ maxBytes: 10_000_000, files: this.disk, ...this.#options })
  }
}

export function payloads(messages: readonly Message[]): Buffer[] {
  return messages.map((message) => message.payload)
}

export function optionsOf(chosen: {
  segmentBytes: number
  budgetBytes: number
  historyBytes: number
  slotBytes: number
}) {
  return {
    segmentBytes: chosen.segmentBytes,
    historyBytes: chosen.historyBytes,
    slotBytes: chosen.slotBytes,
    budget: new MemoryBudget(chosen.budgetBytes),
  }
}
