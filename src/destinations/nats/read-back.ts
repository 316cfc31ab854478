/**
 * Finds out which messages of a log are in the stream. The newest message says which ones were known
 * to be there when it was sent. Those after them are read one by one: no more than a batch.
 *
 *     all stored, sent before │ stored, or not: read back │ newest
 *               confirmed ────┘
 */
import { ConnectorError } from '../../errors.ts'
import { expectNoError, type NatsLink } from './connection.ts'
import { type ApiError, isNotFound } from './failure.ts'
import { type Confirmed, identityOf } from './headers.ts'

export interface ReadBackOptions {
  readonly api: string
  readonly stream: string
  readonly subject: string
  readonly timeout: number
  readonly connectorId: string
  readonly logId: string
}

interface StoredMessage {
  readonly error?: ApiError
  readonly message?: { readonly seq: number; readonly hdrs?: string }
}

export class LogState {
  confirmed: Confirmed
  /** Sequence numbers by offset, of messages that are stored beyond `confirmed`. */
  readonly stored = new Map<number, number>()

  constructor(confirmed: Confirmed) {
    this.confirmed = confirmed
  }

  /** All messages below the offset are stored, or are never sent again. */
  confirm(offset: number): void {
    let newest = this.confirmed.sequence
    let isLast = true
    for (const [stored, sequence] of this.stored) {
      if (stored >= offset) {
        isLast = false
        continue
      }
      this.stored.delete(stored)
      newest = Math.max(newest, sequence)
    }
    // A lower number only means that more is read back.
    const sequence = isLast ? newest : this.confirmed.sequence
    this.confirmed = { offset, sequence }
  }
}

export class ReadBack {
  readonly #options: ReadBackOptions

  constructor(options: ReadBackOptions) {
    this.#options = options
  }

  async run(link: NatsLink): Promise<LogState> {
    const { subject, connectorId, logId } = this.#options
    const newest = await this.#get(link, { last_by_subj: subject })
    if (newest === undefined) return new LogState({ offset: 0, sequence: 0 })
    const identity = newest.identity
    if (identity === undefined || identity.connectorId !== connectorId) {
      throw this.#anotherWriter(identity?.connectorId)
    }
    // The messages of another log are older than all of this one.
    if (identity.logId !== logId) return new LogState({ offset: 0, sequence: newest.sequence })
    const state = new LogState(identity.confirmed)
    let sequence = identity.confirmed.sequence
    while (sequence < newest.sequence) {
      const next = await this.#get(link, { seq: sequence + 1, next_by_subj: subject })
      if (next === undefined) break
      sequence = next.sequence
      const { identity: found } = next
      if (found?.logId !== logId || found.connectorId !== connectorId) continue
      if (found.offset >= state.confirmed.offset) state.stored.set(found.offset, sequence)
    }
    return state
  }

  async #get(link: NatsLink, question: object) {
    const { api, stream, timeout, subject } = this.#options
    const answer = await link.ask<StoredMessage>(
      `${api}.STREAM.MSG.GET.${stream}`,
      question,
      timeout,
    )
    const { error, message } = answer
    if (error !== undefined && isNotFound(error)) return undefined
    expectNoError(error, `reading the newest message of ${subject} in the stream ${stream}`)
    const headers = Buffer.from(message?.hdrs ?? '', 'base64').toString('utf8')
    return { sequence: message?.seq ?? 0, identity: identityOf(headers) }
  }

  #anotherWriter(connectorId: string | undefined): ConnectorError {
    const { subject, stream } = this.#options
    const who = connectorId === undefined ? 'another program' : `the connector ${connectorId}`
    return new ConnectorError(
      'DestinationDenied',
      `the newest message of ${subject} in the stream ${stream} is from ${who}. Each connector needs subjects of its own: set another subjectPrefix.`,
    )
  }
}
