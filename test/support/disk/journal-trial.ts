/**
 * A store with small slots on a simulated disk, beside plain lists of the messages it must hold:
 * those that were acknowledged, refused, or neither yet.
 */
import assert from 'node:assert/strict'
import type {
  DiskLogStore,
  DiskLogStoreOptions,
} from '../../../src/channels/disk/disk-log-store.ts'
import type { FileLayer } from '../../../src/channels/disk/files/file-layer.ts'
import type { ChannelLog, ChannelState } from '../../../src/channels/log/channel-log.ts'
import { MemoryBudget } from '../../../src/channels/log/memory-budget.ts'
import { type Clock, systemClock } from '../../../src/clock.ts'
import { silentObserver } from '../../../src/observer.ts'
import { binaryDraft, readAll } from '../channels/log-drafts.ts'
import { diskStore } from './disk-stores.ts'
import { SimulatedDisk, seededRandom } from './simulated-disk.ts'

export const SLOT_BYTES = 20_480

/** A clock on which every pause ends at once: standing slots are created as fast as possible. */
export const promptClock: Clock = {
  ...systemClock,
  after(_delayMs, call) {
    let isCancelled = false
    queueMicrotask(() => {
      if (!isCancelled) call()
    })
    return {
      cancel() {
        isCancelled = true
      },
    }
  },
}

/** A store on a test's disk whose slots fill soon, and which soon reads from them. */
export function journalStore(
  files: FileLayer,
  change: Partial<DiskLogStoreOptions> = {},
): DiskLogStore {
  return diskStore({
    files,
    clock: promptClock,
    slotBytes: SLOT_BYTES,
    budget: new MemoryBudget(0),
    ...change,
  })
}

interface Kept {
  /** By offset. */
  acknowledged: string[]
  staged: string[]
  /** Commits that failed since the last success: a crash may bring one of them back. */
  refused: string[][]
  released: number
  /** The number of the last state that was committed, and of the last one noted. */
  stateNumber: number
  notedNumber: number
}

export class JournalTrial {
  disk: SimulatedDisk
  store: DiskLogStore
  /** The damage that the store reported. */
  readonly damage: string[] = []
  readonly #options: Partial<DiskLogStoreOptions>
  #logs = new Map<string, ChannelLog>()
  readonly #kept = new Map<string, Kept>()
  #count = 0

  constructor(seed: number, options: Partial<DiskLogStoreOptions> = {}) {
    this.#options = options
    this.disk = new SimulatedDisk(seededRandom(seed))
    this.store = this.#newStore()
  }

  async open(): Promise<void> {
    this.store = this.#newStore()
    const logs = await this.store.open()
    this.#logs = new Map(logs.map((log) => [log.channel, log]))
  }

  log(channel: string): ChannelLog {
    let log = this.#logs.get(channel)
    if (log === undefined) {
      log = this.store.create(channel)
      this.#logs.set(channel, log)
    }
    return log
  }

  /** How many messages of the channel were acknowledged. */
  acknowledged(channel: string): number {
    return this.#of(channel).acknowledged.length
  }

  append(channel: string, count = 1, bytes = 1_000): void {
    for (let index = 0; index < count; index++) {
      const text = `${channel} ${this.#count++} `.padEnd(bytes, 'x')
      this.log(channel).append(binaryDraft(Buffer.from(text)))
      this.#of(channel).staged.push(text)
    }
  }

  /** Notes that all messages except the newest `keep` were delivered. */
  release(channel: string, keep = 0): void {
    const kept = this.#of(channel)
    kept.released = Math.max(kept.released, kept.acknowledged.length - keep)
    kept.notedNumber = ++this.#count
    const state: ChannelState = {
      version: 1,
      cursors: {},
      refused: { QueueFull: kept.notedNumber },
    }
    this.log(channel).noteState(state, kept.released)
  }

  /** Whether the commit succeeded. @throws when power failed */
  async commit(): Promise<boolean> {
    const groups = [...this.#kept].map(([, kept]) => {
      const group = kept.staged
      kept.staged = []
      return { kept, group, noted: kept.notedNumber }
    })
    try {
      await this.store.commit()
    } catch (error) {
      if (!this.disk.hasPower) {
        for (const { kept, group } of groups) kept.staged = [...group, ...kept.staged]
        throw error
      }
      for (const { kept, group } of groups) if (group.length > 0) kept.refused.push(group)
      return false
    }
    for (const { kept, group, noted } of groups) {
      kept.acknowledged.push(...group)
      kept.refused = []
      kept.stateNumber = noted
    }
    return true
  }

  /** The process ends; with `losesPower`, so does power. Opens the store again. */
  async crash(losesPower = true): Promise<void> {
    if (losesPower) this.disk = this.disk.afterPowerLoss()
    await this.open()
    await this.checkAfterCrash()
  }

  /** A clean stop, followed by a start. */
  async restart(): Promise<void> {
    await this.store.close()
    await this.open()
  }

  /** Only acknowledged messages are there. */
  async check(): Promise<void> {
    for (const [channel, kept] of this.#kept) {
      assert.deepEqual(await this.#found(channel), kept.acknowledged.slice(kept.released))
    }
    assert.deepEqual(this.damage, [])
  }

  /** A beginning of the messages that are pending, or were refused last, may be there. */
  async checkAfterCrash(): Promise<void> {
    for (const [channel, kept] of this.#kept) {
      if (kept.acknowledged.length + kept.staged.length === 0) continue
      const found = await this.#found(channel)
      const expected = kept.acknowledged.slice(kept.released)
      assert.deepEqual(found.slice(0, expected.length), expected)
      const more = found.slice(expected.length)
      const others = [kept.staged, ...kept.refused]
      const isKnown = (other: string[]) => more.every((text, index) => text === other[index])
      assert.ok(more.length === 0 || others.some(isKnown), `${channel}: ${more}`)
      await this.#checkState(channel, kept)
      kept.acknowledged.push(...more)
      kept.staged = []
      kept.refused = []
    }
    assert.deepEqual(this.damage, [])
  }

  async #checkState(channel: string, kept: Kept): Promise<void> {
    const state = await this.log(channel).loadState()
    const number = state?.refused['QueueFull'] ?? 0
    assert.ok(number >= kept.stateNumber, `${channel}: state ${number}, not ${kept.stateNumber}`)
    kept.notedNumber = number
    kept.stateNumber = number
  }

  async #found(channel: string): Promise<string[]> {
    const { released, acknowledged } = this.#of(channel)
    const log = this.log(channel)
    assert.ok(log.end >= acknowledged.length, `${channel} ends at ${log.end}`)
    const messages = await readAll(log, released)
    assert.deepEqual(
      messages.map(({ offset }) => offset),
      messages.map((_, index) => released + index),
      channel,
    )
    const damaged = [...log.damaged].filter(({ to }) => to > released)
    assert.deepEqual(damaged, [], channel)
    return messages.map(({ payload }) => payload.toString())
  }

  #of(channel: string): Kept {
    let kept = this.#kept.get(channel)
    if (kept === undefined) {
      kept = {
        acknowledged: [],
        staged: [],
        refused: [],
        released: 0,
        stateNumber: 0,
        notedNumber: 0,
      }
      this.#kept.set(channel, kept)
    }
    return kept
  }

  #newStore(): DiskLogStore {
    return journalStore(this.disk, {
      segmentBytes: 8_000,
      observer: {
        ...silentObserver,
        damageFound: (channel, what) => void this.damage.push(`${channel}: ${what}`),
      },
      ...this.#options,
    })
  }
}

/** Paths of the journal's files on the disk. */
export function slotFiles(disk: SimulatedDisk): string[] {
  return disk.files.filter((path) => path.endsWith('.jnl'))
}

/** Leaves only the files that a version without a journal knows. */
export function withoutJournal(disk: SimulatedDisk): void {
  for (const path of slotFiles(disk)) disk.lose(path)
}
