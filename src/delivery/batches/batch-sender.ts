/**
 * Sends the batches of one channel to one destination. Messages that the destination has already are
 * not sent again, and a batch that it refuses for its content is divided until the messages that are
 * to blame stand alone:
 *
 *     ┌─ there already ─┬──────── sent ────────┐
 *     0                 position               end
 *                       ├── half ──┬── half ───┤  again, if it is refused for its content
 */
import type { Channel } from '../../channels/channel.ts'
import {
  ALL_ACCEPTED,
  type BatchOutcome,
  type Destination,
} from '../../destinations/destination.ts'
import { asConnectorError, ConnectorError } from '../../errors.ts'
import type { Message, Refusal } from '../../message.ts'
import { endOf } from './batch-ends.ts'
import type { FieldSelection } from './field-selection.ts'
import { type LogNotes, newLogId, noLogNotes } from './log-notes.ts'

export interface BatchSenderOptions {
  readonly destination: Destination
  readonly log: Pick<Channel['log'], 'channel' | 'id' | 'end'>
  /** Default: nothing is known to be settled. */
  readonly cursor?: { readonly position: { readonly position: number } }
  /** Default: payloads stay whole. */
  readonly fields?: FieldSelection | undefined
  /** Default: logs live as long as the process, so none can have been restored. */
  readonly logNotes?: LogNotes | undefined
  readonly signal: AbortSignal
}

export class BatchSender {
  readonly #options: BatchSenderOptions
  /**
   * Where the log ended at the start. Nothing from there on has been sent before the destination was
   * asked for its position, so a position above it belongs to messages that this log never had.
   */
  readonly #endAtStart: number
  /** As the destination knows it. */
  #logId: string
  /** Messages below are at the destination; undefined until it has been asked. */
  #position: number | undefined

  constructor(options: BatchSenderOptions) {
    const { destination, log } = options
    this.#options = options
    this.#endAtStart = log.end
    this.#logId = log.id
    if (destination.position === undefined) this.#position = 0
  }

  /**
   * @param leased at least one, with ascending offsets
   * @throws {ConnectorError} as `Destination.send`, but never ContentRefused; DestinationAhead
   */
  async send(leased: readonly Message[]): Promise<BatchOutcome> {
    const { fields } = this.#options
    const messages = fields === undefined ? leased : leased.map((one) => fields.apply(one))
    const position = this.#position ?? (await this.#askPosition())
    if (position === 0) return await this.#divide(messages)
    const first = messages.findIndex(({ offset }) => offset >= position)
    if (first === -1) return ALL_ACCEPTED
    if (first === 0) return await this.#divide(messages)
    return shifted(await this.#divide(messages.slice(first)), first)
  }

  async #askPosition(): Promise<number> {
    const { destination, log, signal, logNotes = noLogNotes } = this.#options
    const note = logNotes.find(destination.name, log.id)
    const { renewal = { from: 0, logId: log.id }, endBefore = this.#endAtStart } = note
    let position: number
    try {
      position = (await destination.position?.(log.channel, renewal.logId, signal)) ?? 0
    } catch (error) {
      // The next start must not take what arrives meanwhile for messages that were sent before.
      if (note.endBefore === undefined) {
        await logNotes.keep(destination.name, log.id, { ...note, endBefore })
      }
      throw error
    }
    if (position > endBefore) throw await this.#renewed(position, endBefore)
    if (note.endBefore !== undefined) {
      await logNotes.keep(destination.name, log.id, note.renewal ? { renewal } : {})
    }
    this.#logId = renewal.logId
    this.#position = Math.max(renewal.from, position)
    return this.#position
  }

  /** Gives messages that came after the restored ones another identity. */
  async #renewed(position: number, from: number): Promise<ConnectorError> {
    const { destination, log, logNotes } = this.#options
    const renewal = { from, logId: newLogId() }
    await logNotes?.keep(destination.name, log.id, { renewal })
    const next =
      logNotes === undefined
        ? 'New messages are kept'
        : `From offset ${from} on, messages are sent as those of log ${renewal.logId}`
    return new ConnectorError(
      'DestinationAhead',
      `${destination.name} has messages of channel ${log.channel} (log ${log.id}) up to offset ${position}, but the local log ended at ${from} when the connector started. It was restored from a backup, or has lost its newest messages. ${next}`,
    )
  }

  async #divide(messages: readonly Message[]): Promise<BatchOutcome> {
    const { destination, log, cursor, signal } = this.#options
    const { channel, end } = log
    const progress = { settledBelow: cursor?.position.position ?? 0, end }
    const batch = { channel, logId: this.#logId, messages, progress }
    try {
      return await destination.send(batch, signal)
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'ContentRefused') throw error
      if (messages.length > 1) return await this.#sendHalves(messages)
      const refusal = { error: error.code, message: error.message }
      return { rejected: [{ index: 0, refusal }], kept: [] }
    }
  }

  async #sendHalves(messages: readonly Message[]): Promise<BatchOutcome> {
    const middle = messages.length >>> 1
    const first = await this.#divide(messages.slice(0, middle))
    const second = await this.#sendSecondHalf(messages.slice(middle), first)
    return {
      rejected: [...first.rejected, ...second.rejected.map((one) => moved(one, middle))],
      kept: [...first.kept, ...second.kept.map((index) => index + middle)],
      keptReason: first.keptReason ?? second.keptReason,
    }
  }

  /** The first half has its outcome, so a failure now must not make it be sent again. */
  async #sendSecondHalf(messages: readonly Message[], first: BatchOutcome): Promise<BatchOutcome> {
    // What is kept is sent again in its place, and nothing may overtake it.
    if (first.kept.length > 0) return allKept(messages, first.keptReason)
    try {
      return await this.#divide(messages)
    } catch (error) {
      const { name } = this.#options.destination
      const failure = asConnectorError(error, 'DestinationUnavailable', `sending to ${name}`)
      const end = endOf(failure, { messages })
      return 'error' in end ? allKept(messages, end) : end
    }
  }
}

type Rejection = BatchOutcome['rejected'][number]

/** The outcome of messages that come after `count` others, which are delivered. */
function shifted({ rejected, kept, keptReason }: BatchOutcome, count: number): BatchOutcome {
  return {
    rejected: rejected.map((one) => moved(one, count)),
    kept: kept.map((index) => index + count),
    keptReason,
  }
}

function moved({ index, refusal }: Rejection, by: number): Rejection {
  return { index: index + by, refusal }
}

function allKept(messages: readonly Message[], keptReason: Refusal | undefined): BatchOutcome {
  return { rejected: [], kept: messages.map((_, index) => index), keptReason }
}
