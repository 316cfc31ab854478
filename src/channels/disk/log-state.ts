/** The state beside a log: what is known of it, the room claimed for it, and how it is replaced. */
import { asConnectorError, systemCodeOf } from '../../errors.ts'
import type { ChannelState } from '../channel-log.ts'
import type { DiskSpace } from './disk-space.ts'
import type { FileLayer } from './file-layer.ts'
import type { LogDirectory } from './log-directory.ts'
import type { LogSegments } from './log-segments.ts'
import { Sequence } from './sequence.ts'
import { encodeState, writeStateFile } from './state-file.ts'

/** Claimed for every log: its state twice over, and room to begin a fresh segment on a full disk. */
export const LOG_RESERVE_BYTES = 4096

export interface LogStateOptions {
  readonly channel: string
  readonly files: FileLayer
  readonly directory: string
  readonly names: LogDirectory
  readonly space: DiskSpace
  readonly segments: LogSegments
  readonly makeRoom: (bytes: number) => boolean
  /** Called when the disk itself is full, whatever the bounds are: lets go of some history. */
  readonly easeDisk: () => void
}

export class LogState {
  current: ChannelState | undefined
  /** Of the file. */
  bytes: number
  readonly #options: LogStateOptions
  readonly #writes = new Sequence()
  /** Claimed of the disk. */
  #claim: number

  constructor(options: LogStateOptions, current: ChannelState | undefined, bytes: number) {
    this.#options = options
    this.current = current
    this.bytes = bytes
    this.#claim = Math.max(LOG_RESERVE_BYTES, bytes * 2)
  }

  /** @throws {ConnectorError} StorageFailed */
  save(state: ChannelState): Promise<void> {
    return this.#writes.run(async () => {
      const bytes = encodeState(state)
      const { names, channel } = this.#options
      try {
        await this.#write(bytes)
      } catch (error) {
        throw asConnectorError(error, 'StorageFailed', `saving the state of ${channel}`)
      }
      names.touch()
      this.current = state
      this.bytes = bytes.length
    })
  }

  /** Resolves when nothing is being written any more. */
  settled(): Promise<void> {
    return this.#writes.run(() => Promise.resolve())
  }

  async #write(bytes: Buffer): Promise<void> {
    const { files, directory, space, names, segments, makeRoom, easeDisk } = this.#options
    const more = Math.max(bytes.length, this.bytes) + bytes.length - this.#claim
    if (more > 0) {
      await space.claim(more, makeRoom)
      this.#claim += more
    }
    try {
      await names.make()
      await writeStateFile(files, directory, bytes)
    } catch (error) {
      names.doubt()
      if (systemCodeOf(error) !== 'ENOSPC') throw error
      // Space comes back only when the readers' progress is written down, so there must be a way.
      easeDisk()
      await space.settled()
      await segments.giveUpIndexes(bytes.length)
      await writeStateFile(files, directory, bytes)
    }
  }
}
