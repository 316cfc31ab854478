/** Says where a batch comes from, so that another connector stores no message twice. */
import { randomBytes } from 'node:crypto'
import {
  NO_UPSTREAM,
  originText,
  runsOfOffsets,
  topicsText,
  type Upstream,
} from '../../chain/origin.ts'
import { ConnectorError } from '../../errors.ts'
import type { Batch } from '../destination.ts'

/** The connectors that messages of the channel have passed, if the first arrived at `since`. */
export type UpstreamOf = (channel: string, since: number) => Upstream | undefined

export interface OriginHeadersOptions {
  readonly connectorId: string
  /** The destination's name. */
  readonly destination: string
  readonly upstreamOf: UpstreamOf | undefined
}

export class OriginHeaders {
  readonly #options: OriginHeadersOptions
  /** So that a copy of this connector, which has its id, is noticed. */
  readonly #instance = randomBytes(4).toString('hex')

  constructor(options: OriginHeadersOptions) {
    this.#options = options
  }

  /**
   * @throws {ConnectorError} ContentRefused if the topics of several messages are too long for a
   *   header: then the batch is divided
   */
  headersOf(batch: Batch): { readonly origin?: string; readonly topics?: string } {
    const { channel, logId, messages, progress } = batch
    const [first] = messages
    if (first === undefined || progress === undefined) return {}
    const topics = topicsText(channel, messages)
    if (topics === undefined) {
      throw new ConnectorError(
        'ContentRefused',
        'the topics of the batch are too long for a header',
      )
    }
    const { connectorId: connector, destination, upstreamOf } = this.#options
    const origin = originText({
      connector,
      instance: this.#instance,
      destination,
      logId,
      offsets: runsOfOffsets(messages),
      settledBelow: progress.settledBelow,
      end: progress.end,
      upstream: upstreamOf?.(channel, first.receivedAt) ?? NO_UPSTREAM,
    })
    return topics === '' ? { origin } : { origin, topics }
  }
}
