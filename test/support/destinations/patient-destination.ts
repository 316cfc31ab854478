/** A destination that answers each batch when the test says so. */
import type { Batch, BatchOutcome, Destination } from '../../../src/destinations/destination.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { idsOf } from '../channels/channel-set-rig.ts'
import { settled } from '../settled.ts'
import { makeBatchRule } from './batch-rule.ts'

export class PatientDestination implements Destination {
  readonly name: string
  readonly description = 'waits for the test'
  batchRule = makeBatchRule()
  /** The ids of the messages of each batch, answered or not. */
  readonly batches: string[][] = []
  readonly #waiting: ((answer: BatchOutcome | Error) => void)[] = []

  constructor(name: string) {
    this.name = name
  }

  async open(): Promise<void> {}
  async close(): Promise<void> {}

  send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome> {
    this.batches.push(idsOf(batch.messages))
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () =>
        reject(new ConnectorError('DestinationUnavailable', 'stopped')),
      )
      this.#waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)))
    })
  }

  /** Answers the oldest batch that waits. */
  async answer(answer: BatchOutcome | Error = { rejected: [], kept: [] }): Promise<void> {
    this.#waiting.shift()?.(answer)
    await settled()
  }
}
