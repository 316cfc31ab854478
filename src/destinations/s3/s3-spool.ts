/** One batch: messages of one day, encoded into a file, and the object it becomes. */
import type { Message } from '../../message.ts'
import type { Notice } from '../../observer.ts'
import { counted } from '../../units.ts'
import type { Spool } from '../destination.ts'
import type { ObjectEncoder } from './files/object-encoder.ts'
import type { SpoolFile } from './files/spool-file.ts'
import type { SpoolRoom } from './files/spool-room.ts'
import type { MultipartUpload } from './multipart-upload.ts'
import { dayOf, objectKey } from './object-key.ts'
import type { Uploader } from './uploader.ts'

/** In the text of a notice. */
const SHOWN_COLUMNS = 10

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
  readonly room: SpoolRoom
  /** Called when something was found that a person should look at. */
  readonly onNotice: (notice: Notice) => void
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

  async flush(): Promise<void> {
    const { room, file, encoder } = this.#options
    await room.check(file)
    await encoder.flush()
  }

  async send(
    { from, to }: { readonly from: number; readonly to: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { encoder, uploader, file, contentType, onNotice } = this.#options
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
      onDifferent: (detail: string) => onNotice({ code: 'ObjectDiffers', count: 1, detail }),
    }
    await uploader.store(object, this.#unfinished, signal)
    this.#noteConflicts(object.key)
  }

  #noteConflicts(key: string): void {
    const { encoder, onNotice } = this.#options
    const { typeConflicts, rows, conflictColumns } = encoder
    if (typeConflicts === 0) return
    const columns = conflictColumns.slice(0, SHOWN_COLUMNS).join(', ')
    const more = conflictColumns.length > SHOWN_COLUMNS ? ', …' : ''
    const detail = `in the object ${key} of ${counted(rows, 'row')}, ${counted(typeConflicts, 'value')} of another type than the column became NULL (${columns}${more}); "payload" has them`
    onNotice({ code: 'TypeConflict', count: typeConflicts, detail })
  }

  async discard(): Promise<void> {
    await this.#options.file.remove()
    this.#options.onDiscard()
  }
}
