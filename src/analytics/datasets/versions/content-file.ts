/** A file with content that is being written. Its name means nothing until a version names it. */
import { dirname } from 'node:path'
import type { FileLayer, OpenFile } from '../../../channels/disk/files/file-layer.ts'

/** How much may be written before it is asked again whether there is room. */
const ASK_BYTES = 4 * 1024 * 1024

/** The room that all contents have together. */
export interface ContentRoom {
  /** @throws {ConnectorError} StorageFull if there is no room for more */
  expectRoom(): Promise<void>
  /** Negative when files are removed. */
  grew(bytes: number): void
}

export class ContentFile {
  readonly #files: FileLayer
  readonly #path: string
  readonly #room: ContentRoom
  #file: OpenFile | undefined
  #bytes = 0
  #sinceAsked = 0

  constructor(files: FileLayer, path: string, room: ContentRoom) {
    this.#files = files
    this.#path = path
    this.#room = room
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @throws {ConnectorError} StorageFull */
  async open(): Promise<void> {
    await this.#room.expectRoom()
    this.#file = await this.#files.open(this.#path, 'replace')
  }

  /** @throws {ConnectorError} StorageFull @throws a system error, as ENOSPC */
  async append(part: Buffer): Promise<void> {
    // What still comes after it was closed is not wanted.
    if (this.#file === undefined) return
    await this.#file.write(part, 0, part.length, this.#bytes)
    this.#bytes += part.length
    this.#sinceAsked += part.length
    this.#room.grew(part.length)
    if (this.#sinceAsked < ASK_BYTES) return
    this.#sinceAsked = 0
    await this.#room.expectRoom()
  }

  /** Makes content and name durable. */
  async finish(): Promise<void> {
    await this.#file?.sync()
    await this.#close()
    await this.#files.syncDirectory(dirname(this.#path))
  }

  /** Removes what was written. */
  async discard(): Promise<void> {
    await this.#close()
    await this.#files.remove(this.#path)
    this.#room.grew(-this.#bytes)
    this.#bytes = 0
  }

  async #close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}
