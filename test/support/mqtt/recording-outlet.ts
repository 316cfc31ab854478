import type { PackedPayloads, ReceiptOutlet } from '../../../src/sources/source.ts'

/** Keeps every receipt. */
export class RecordingOutlet implements ReceiptOutlet {
  readonly receipts: { response: { status: string; error?: string }; id?: string }[] = []
  readonly replies: { topic: string; payload: string }[] = []

  hasListeners(): boolean {
    return true
  }

  publish(_topic: string, { bytes, count, ends }: PackedPayloads): void {
    let start = 0
    for (let index = 0; index < count; index++) {
      const end = ends[index] ?? start
      this.receipts.push(JSON.parse(bytes.toString('utf8', start, end)))
      start = end
    }
  }

  reply(to: { topic: string }, payload: Buffer): void {
    this.replies.push({ topic: to.topic, payload: payload.toString() })
  }

  /** Ids of all receipts, or of those with this status. */
  ids(status?: string): string[] {
    return this.receipts
      .filter(({ response }) => status === undefined || response.status === status)
      .map(({ id }) => id ?? '')
  }
}
