/** The room that the contents of all datasets have together, and what the disk must keep free. */
import { ConnectorError } from '../../errors.ts'
import { formatSize } from '../../units.ts'
import type { ContentRoom } from './versions/content-file.ts'

export interface SharedRoomOptions {
  readonly maxBytes: number
  /** Why nothing may be written now; undefined if it may. */
  readonly noRoom: () => Promise<string | undefined>
}

export class SharedRoom implements ContentRoom {
  readonly #options: SharedRoomOptions
  #bytes = 0

  constructor(options: SharedRoomOptions) {
    this.#options = options
  }

  get bytes(): number {
    return this.#bytes
  }

  grew(bytes: number): void {
    this.#bytes += bytes
  }

  async expectRoom(): Promise<void> {
    const { maxBytes, noRoom } = this.#options
    if (this.#bytes >= maxBytes) {
      const text = `the contents of all datasets have ${formatSize(this.#bytes)}, and analytics.datasets.maxBytes is ${formatSize(maxBytes)}`
      throw new ConnectorError('DatasetsFull', text)
    }
    const reason = await noRoom()
    if (reason !== undefined) throw new ConnectorError('DatasetsFull', reason)
  }
}
