/**
 * Channels whose files could not be opened when the store was. They are tried again while the store
 * is in use, with growing pauses. Until one can be opened, nothing of it is given up: the journal
 * keeps the messages that it holds of it, and no other log of that name is created.
 */
import type { Clock } from '../../clock.ts'
import { ConnectorError } from '../../errors.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { LogFault } from '../log/channel-log.ts'
import type { DiskSpace } from './files/disk-space.ts'
import type { FoundLog } from './journal/journal-reading.ts'
import type { SlotUser } from './journal/slot.ts'
import { faultOfOpening } from './log-fault.ts'
import type { UnopenedFiles } from './store-recovery.ts'
import { UnopenedLog } from './unopened-log.ts'

/** They double: looking at a channel with many damaged files is not free. */
const FIRST_PAUSE_MS = 5_000
const LONGEST_PAUSE_MS = 60_000

export interface UnopenedChannel {
  readonly channel: string
  /** What the journal holds of it, to recover it again; undefined if it holds nothing. */
  readonly journaled: FoundLog | undefined
  /** Keeps that in the journal; undefined if the channel's own files have all of it. */
  readonly held: UnopenedLog | undefined
}

interface Waiting extends UnopenedChannel {
  readonly fileBytes: number
  refusal: LogFault['refusal']
  pauseMs: number
  nextAttemptAt: number
}

export interface UnopenedChannelsOptions {
  readonly directoryOf: (channel: string) => string
  readonly space: DiskSpace
  readonly clock: Clock
  readonly observer: PipelineObserver
}

export class UnopenedChannels {
  readonly #options: UnopenedChannelsOptions
  readonly #waiting: Waiting[] = []

  constructor(options: UnopenedChannelsOptions) {
    this.#options = options
  }

  get faults(): LogFault[] {
    return this.#waiting.map(({ channel, refusal }) => ({ channel, refusal }))
  }

  /** What is in the journal alone. */
  get held(): readonly UnopenedLog[] {
    return this.#waiting.flatMap(({ held }) => held ?? [])
  }

  /** @param isJournalStale as in `RecoveryOptions`: then no message is in the journal alone */
  add({ channel, journaled, error, heldBytes }: UnopenedFiles, isJournalStale: boolean): void {
    const { directoryOf, space, clock, observer } = this.#options
    const refusal = faultOfOpening(channel, directoryOf(channel), error)
    space.count(heldBytes)
    const entry = isJournalStale ? undefined : journaled?.entry
    const held = entry && journaled && new UnopenedLog(entry, journaled)
    space.reserve(held?.heldBytes ?? 0)
    this.#waiting.push({
      channel,
      journaled: journaled && neededOf(journaled, held !== undefined),
      held,
      fileBytes: heldBytes,
      refusal,
      pauseMs: FIRST_PAUSE_MS,
      nextAttemptAt: clock.monotonic() + FIRST_PAUSE_MS,
    })
    observer.storageFailed(channel, new ConnectorError('StorageFailed', refusal.message))
  }

  /**
   * Tries those whose pause is over.
   * @param open recovers the channel, and calls `opened` when it has
   */
  async retry(open: (one: UnopenedChannel) => Promise<void>): Promise<void> {
    const { clock, directoryOf } = this.#options
    for (const one of [...this.#waiting]) {
      if (clock.monotonic() < one.nextAttemptAt) continue
      try {
        await open(one)
      } catch (error) {
        one.refusal = faultOfOpening(one.channel, directoryOf(one.channel), error)
        one.pauseMs = Math.min(one.pauseMs * 2, LONGEST_PAUSE_MS)
        one.nextAttemptAt = clock.monotonic() + one.pauseMs
      }
    }
  }

  /** `log` counts its files and needs its slots now; undefined if its directory holds no log. */
  opened({ channel, held }: UnopenedChannel, log: SlotUser | undefined): void {
    const { space, observer } = this.#options
    const index = this.#waiting.findIndex((one) => one.channel === channel)
    const [one] = this.#waiting.splice(index, 1)
    space.release(one?.fileBytes ?? 0)
    space.unreserve(held?.heldBytes ?? 0)
    if (log !== undefined) held?.giveWayTo(log)
    observer.storageRecovered(channel)
  }
}

/** Its frames in slots that are kept for it: others may have been overwritten since. */
function neededOf(found: FoundLog, isHeld: boolean): FoundLog {
  const released = found.entry?.released ?? 0
  const frames = found.frames.filter(({ endOffset }) => isHeld && endOffset > released)
  return { ...found, frames }
}
