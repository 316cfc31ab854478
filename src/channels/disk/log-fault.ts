/**
 * A log whose own files fail while the rest of the disk works, because of a bad sector, a wrong
 * owner or a directory in the place of a file. It is set aside: its new messages are refused, what
 * the journal holds of it stays there, and all other logs go on.
 */
import { ConnectorError, messageOf, systemCodeOf } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'

/** They concern the file system or the process as a whole. */
const NOT_OF_ONE_LOG: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
])

/** Whether only the log whose files were used may be affected. */
export function concernsOneLog(error: unknown): boolean {
  const code = systemCodeOf(error)
  return code !== undefined && !NOT_OF_ONE_LOG.has(code)
}

/** The first attempt that fails may be due to one file; the next one begins a fresh segment. */
const FAILURES_UNTIL_SET_ASIDE = 2

export interface FileFaultOptions {
  readonly channel: string
  /** Of the log's files. */
  readonly directory: string
  readonly observer: PipelineObserver
}

/** Whether the log's files fail again and again, so that the other logs must not wait for it. */
export class FileFault {
  readonly #options: FileFaultOptions
  #failures = 0
  #refusal: Refusal | undefined

  constructor(options: FileFaultOptions) {
    this.#options = options
  }

  /** For messages of the log; undefined while its files can be written. */
  get refusal(): Refusal | undefined {
    return this.#refusal
  }

  failed(error: unknown): void {
    if (!concernsOneLog(error)) return
    this.#failures++
    if (this.#failures < FAILURES_UNTIL_SET_ASIDE || this.#refusal !== undefined) return
    const { channel, directory, observer } = this.#options
    this.#refusal = faultOfFiles(channel, directory, error)
    observer.storageFailed(channel, new ConnectorError('StorageFailed', this.#refusal.message))
  }

  /** The files were written. */
  ended(): void {
    this.#failures = 0
    if (this.#refusal === undefined) return
    this.#refusal = undefined
    this.#options.observer.storageRecovered(this.#options.channel)
  }
}

/** For messages of the log while its files can't be written. */
function faultOfFiles(channel: string, directory: string, error: unknown): Refusal {
  return {
    error: 'StorageFailed',
    message: `Channel ${channel} is set aside, because its files in ${directory} cannot be written: ${messageOf(error)}. The message was not stored; send it again later. Check the disk, and the owner and the attributes of these files. The connector tries again every few seconds.`,
  }
}

/** For messages of a log that could not be opened when the connector started, or since. */
export function faultOfOpening(channel: string, directory: string, error: unknown): Refusal {
  return {
    error: 'StorageFailed',
    message: `Channel ${channel} is set aside, because its files in ${directory} cannot be opened: ${messageOf(error)}. Its stored messages wait, and new ones are not stored; send them again later. Check the disk, and the owner and the attributes of these files. The connector tries again at least once a minute.`,
  }
}
