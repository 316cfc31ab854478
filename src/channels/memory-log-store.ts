/** Channel logs in memory: what the specification describes. A restart loses what waits. */
import type { ChannelLog, LogStore } from './channel-log.ts'
import type { MemoryBudget } from './memory-budget.ts'

export interface MemoryLogStoreOptions {
  readonly budget: MemoryBudget
  /** Keeps released messages for reading until their memory is needed. For a local store without destinations. */
  readonly keepsHistory?: boolean
}

export class MemoryLogStore implements LogStore {
  readonly bytes: number = 0
  readonly maxBytes: number = Number.POSITIVE_INFINITY

  constructor(_options: MemoryLogStoreOptions) {}

  open(): Promise<readonly ChannelLog[]> {
    return Promise.resolve([])
  }

  create(channel: string): ChannelLog {
    throw new Error(`no log for ${channel}`)
  }

  makeRoom(_bytes: number): boolean {
    return false
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
