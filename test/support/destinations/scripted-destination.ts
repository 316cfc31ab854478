/** A destination that follows a script, one entry per call, and remembers accepted messages. */
import type { Batch, BatchOutcome, Destination } from '../../../src/destinations/destination.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { makeBatchRule } from './batch-rule.ts'

/** What one call does with its batch. `split`: messages are accepted, rejected and kept in turn. */
export type Verdict = 'accept' | 'retry' | 'reject' | 'split'

export class ScriptedDestination implements Destination {
  readonly name = 'scripted'
  readonly description = 'does what a script says'
  batchRule = makeBatchRule()
  /** Keyed by channel, in the order they were accepted. */
  readonly accepted = new Map<string, string[]>()
  readonly rejected = new Map<string, string[]>()
  readonly #script: Verdict[]
  readonly #busy = new Set<string>()

  /** After the end of the script, everything is accepted. */
  constructor(script: readonly Verdict[]) {
    this.#script = [...script]
  }

  async open(): Promise<void> {}
  async close(): Promise<void> {}

  async send(batch: Batch): Promise<BatchOutcome> {
    if (this.#busy.has(batch.channel)) throw new Error('two batches at once for one channel')
    this.#busy.add(batch.channel)
    await new Promise((resolve) => setImmediate(resolve))
    this.#busy.delete(batch.channel)
    const verdict = this.#script.shift() ?? 'accept'
    if (verdict === 'retry') throw new ConnectorError('DestinationUnavailable', 'as scripted')
    if (verdict === 'reject') {
      for (const { messageId } of batch.messages) note(this.rejected, batch.channel, messageId)
      throw new ConnectorError('DestinationRefused', 'as scripted')
    }
    return verdict === 'accept' ? this.#acceptAll(batch) : this.#split(batch)
  }

  #acceptAll(batch: Batch): BatchOutcome {
    for (const { messageId } of batch.messages) note(this.accepted, batch.channel, messageId)
    return { rejected: [], kept: [] }
  }

  #split(batch: Batch): BatchOutcome {
    const refusal = { error: 'InvalidRequestException', message: 'as scripted' }
    const rejected: { index: number; refusal: typeof refusal }[] = []
    const kept: number[] = []
    for (const [index, { messageId }] of batch.messages.entries()) {
      if (index % 3 === 0) note(this.accepted, batch.channel, messageId)
      else if (index % 3 === 1) {
        note(this.rejected, batch.channel, messageId)
        rejected.push({ index, refusal })
      } else kept.push(index)
    }
    return { rejected, kept }
  }
}

function note(book: Map<string, string[]>, channel: string, messageId: string): void {
  const list = book.get(channel)
  if (list === undefined) book.set(channel, [messageId])
  else list.push(messageId)
}
