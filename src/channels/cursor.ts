/**
 * Where one reader of one channel stands. A cursor leases messages in order and settles each one;
 * what is kept goes back to its old place.
 */
import type { Message } from '../message.ts'

/** Messages handed to a reader, in order, at least one, all `messageId`s different. */
export interface Lease {
  readonly messages: readonly Message[]
}

/** By index into `lease.messages`. A message in neither list was delivered. */
export interface Settlement {
  readonly rejected: readonly number[]
  readonly kept: readonly number[]
}

export class Cursor {
  readonly reader: string
  /** Called at most once per commit when more became readable. Set by whoever reads. */
  onReadable: (() => void) | undefined = undefined

  constructor(reader: string) {
    this.reader = reader
  }

  /** Committed messages that are neither settled nor leased. */
  get waiting(): number {
    return 0
  }

  /** Messages leased and not settled yet. */
  get inFlight(): number {
    return 0
  }

  /**
   * `receivedAt` of the oldest waiting message, or a time at most one commit older; 0 when it is
   * not known (after a restart); undefined when nothing waits.
   */
  get oldestWaitingAt(): number | undefined {
    return undefined
  }

  lease(_maxCount: number, _maxBytes: number): Promise<Lease | undefined> {
    return Promise.resolve(undefined)
  }

  settle(_lease: Lease, _settlement: Settlement): void {}
}
