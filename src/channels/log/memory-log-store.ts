/**
 * Channel logs in memory, as the specification describes. A restart loses all waiting messages.
 * Only the memory budget limits them, and channels ask it before they append.
 */
import { randomBytes } from 'node:crypto'
import type { ChannelLog, LogStore } from './channel-log.ts'
import type { MemoryBudget } from './memory-budget.ts'
import { MemoryLog } from './memory-log.ts'

export interface MemoryLogStoreOptions {
  readonly budget: MemoryBudget
  /**
   * Keeps released messages readable until their memory is needed, for a local store without
   * destinations. Default false: they are removed at once.
   */
  readonly keepsHistory?: boolean
}

export class MemoryLogStore implements LogStore {
  readonly maxBytes = Number.POSITIVE_INFINITY
  readonly #options: MemoryLogStoreOptions
  readonly #logs: MemoryLog[] = []

  constructor(options: MemoryLogStoreOptions) {
    this.#options = options
  }

  get bytes(): number {
    return this.#logs.reduce((sum, log) => sum + log.bytes, 0)
  }

  open(): Promise<readonly ChannelLog[]> {
    return Promise.resolve([])
  }

  create(channel: string): ChannelLog {
    const log = new MemoryLog({
      channel,
      id: randomBytes(4).toString('hex'),
      budget: this.#options.budget,
      keepsHistory: this.#options.keepsHistory ?? false,
    })
    this.#logs.push(log)
    return log
  }

  commit(): Promise<void> {
    for (const log of this.#logs) log.commit()
    return Promise.resolve()
  }

  probe(): Promise<void> {
    return Promise.resolve()
  }

  makeRoom(bytes: number): boolean {
    const { budget, keepsHistory } = this.#options
    if (keepsHistory !== true || bytes > budget.maxBytes) return budget.fits(bytes)
    // More than is asked for, so that the next thousand messages have room without a search.
    const ample = Math.min(budget.maxBytes, bytes + Math.floor(budget.maxBytes / 64))
    while (!budget.fits(ample)) {
      const oldest = this.#logWithOldestHistory()
      if (oldest === undefined) return budget.fits(bytes)
      oldest.forgetOldest()
    }
    return true
  }

  setAside(): number {
    return 0
  }

  async close(): Promise<void> {
    await Promise.all(this.#logs.map((log) => log.close()))
  }

  #logWithOldestHistory(): MemoryLog | undefined {
    let oldest: MemoryLog | undefined
    for (const log of this.#logs) {
      if (log.oldestHistoryAt < (oldest?.oldestHistoryAt ?? Number.POSITIVE_INFINITY)) oldest = log
    }
    return oldest
  }
}
