/** One batch: messages of one day, encoded into a file, and the object it becomes. */
import type { Message } from '../../message.ts'
import type { Spool } from '../destination.ts'
import type { ObjectEncoder } from './files/object-encoder.ts'
import type { SpoolFile } from './files/spool-file.ts'
import type { MultipartUpload } from './multipart-upload.ts'
import { dayOf, objectKey } from './object-key.ts'
import type { Uploader } from './uploader.ts'

export interface S3SpoolOptions {
  readonly prefix: string
  readonly connectorId: string
  readonly channel: string
  readonly logId: string
  readonly ending: string
  readonly contentType: string
  readonly file: SpoolFile
  readonly encoder: ObjectEncoder
  readonly uploader: Uploader
  /** Called at the end. */
  readonly onDiscard: () => void
}

export class S3Spool implements Spool {
  readonly #options: S3SpoolOptions
  #day: number | undefined
  #isFinished = false
  readonly #unfinished: { upload?: MultipartUpload } = {}

  constructor(options: S3SpoolOptions) {
    this.#options = options
  }

  take(message: Message): boolean {
    const day = dayOf(message.receivedAt)
    this.#day ??= day
    if (day !== this.#day) return false
    this.#options.encoder.add(message)
    return true
  }

  flush(): Promise<void> {
    return this.#options.encoder.flush()
  }

  async send(
    { from, to }: { readonly from: number; readonly to: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { encoder, uploader, file, contentType } = this.#options
    if (this.#day === undefined) return
    if (!this.#isFinished) {
      await encoder.finish()
      this.#isFinished = true
    }
    const { connectorId, channel, logId } = this.#options
    const object = {
      key: objectKey({ ...this.#options, day: this.#day, from, to }),
      file,
      contentType,
      identity: {
        connector: connectorId,
        channel,
        'log-id': logId,
        'first-offset': String(from),
        'last-offset': String(to - 1),
      },
      facts: { rows: String(encoder.rows), 'type-conflicts': String(encoder.typeConflicts) },
    }
    await uploader.store(object, this.#unfinished, signal)
  }

  async discard(): Promise<void> {
    await this.#options.file.remove()
    this.#options.onDiscard()
  }
}
