/**
 * Publishes messages to a JetStream stream. The stream refuses a second message with the same id for
 * a while. Beyond that, what is there already is read back: see `read-back.ts`.
 */

import { peerAt } from '../../connection-errors/peer.ts'
import { ConnectorError } from '../../errors.ts'
import type { Message } from '../../message.ts'
import { payloadBytesOf } from '../../message.ts'
import { counted } from '../../units.ts'
import { batchRuleOf } from '../batch-rule.ts'
import type { Batch, BatchOutcome, BatchRule, Destination } from '../destination.ts'
import type { DestinationSettings } from '../destination-settings.ts'
import type { Acknowledgement } from './acknowledgement.ts'
import { expectNoError, type NatsLink } from './connection.ts'
import { Connector, loginSettingOf } from './connector.ts'
import { failureOf, meaningOf, type NatsPeer, NO_STREAM } from './failure.ts'
import { HeaderWriter } from './headers.ts'
import type { NatsOptions } from './options.ts'
import { type LogState, ReadBack } from './read-back.ts'

const LIMITS = {
  defaults: { messages: 500, bytes: 1_048_576, intervalMs: 100 },
  most: { messages: 10_000, bytes: 16_777_216 },
}
/** Each holds a buffer of about the size of a batch's headers. */
const MAX_WRITERS = 4
/** There is no stream with this name. */
const NOT_FOUND = 10_059
type Rejection = BatchOutcome['rejected'][number]
type Refused = { readonly index: number; readonly answer: Acknowledgement }

interface Call {
  readonly doing: string
  readonly signal: AbortSignal
}

export class NatsDestination implements Destination {
  readonly name: string
  readonly description: string
  readonly batchRule: BatchRule
  readonly #settings: DestinationSettings<NatsOptions>
  readonly #prefix: string
  readonly #at: string
  readonly #api: string
  readonly #peer: NatsPeer
  readonly #connector: Connector
  /** What is known to be in the stream, by channel and log. */
  readonly #states = new Map<string, LogState>()
  /** A batch takes one, so that channels can be sent at the same time. */
  readonly #writers: HeaderWriter[] = []
  #hasStream: boolean

  constructor(settings: DestinationSettings<NatsOptions>) {
    const { name, place, options, batch, connectorId } = settings
    this.#settings = settings
    this.name = name
    this.batchRule = batchRuleOf(batch, place, LIMITS)
    this.#prefix = options.subjectPrefix ?? `messages.${connectorId}`
    this.#api = options.domain === undefined ? '$JS.API' : `$JS.${options.domain}.API`
    this.#connector = new Connector(options, place)
    const peer = peerAt('server', `${place}.tls`, `${place}.servers`)
    this.#peer = { ...peer, login: loginSettingOf(options, place) }
    this.#hasStream = !options.create
    this.#at = options.servers.join(', ')
    this.description = `NATS stream ${options.stream}, subjects ${this.#prefix}.<channel> at ${this.#at}`
  }

  async open(): Promise<void> {
    await this.#connector.open()
  }

  async close(): Promise<void> {
    this.#connector.close()
  }

  async position(channel: string, logId: string, signal: AbortSignal): Promise<number> {
    const doing = `reading the position of channel ${channel} at ${this.#at}`
    const state = await this.#run({ doing, signal }, (link) => this.#stateOf(link, channel, logId))
    return state.confirmed.offset
  }

  async send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome> {
    const { channel, logId } = batch
    const count = counted(batch.messages.length, 'message')
    const doing = `sending ${count} of channel ${channel} to ${this.#at}`
    try {
      return await this.#run({ doing, signal }, async (link) => {
        const state = await this.#stateOf(link, channel, logId)
        return await this.#publish(link, batch, state)
      })
    } catch (error) {
      // What has arrived is not known. It is read back before the next batch.
      this.#states.delete(keyOf(channel, logId))
      throw error
    }
  }

  async check(signal: AbortSignal, note?: (text: string) => void): Promise<void> {
    const { stream, timeout } = this.#settings.options
    const subject = `${this.#prefix}.check`
    const doing = `looking for the stream ${stream} with the subject ${subject} at ${this.#at}`
    await this.#run({ doing, signal }, async (link) => {
      if (!this.#hasStream && !(await this.#findStream(link))) {
        note?.(`the stream ${stream} is not there; it will be created before the first batch`)
        return
      }
      const question = { subject }
      const answer = await link.ask<{ streams?: string[] | null }>(
        `${this.#api}.STREAM.NAMES`,
        question,
        timeout,
      )
      expectNoError(answer.error, doing)
      if (answer.streams?.includes(stream) === true) return
      throw new ConnectorError('DestinationMissing', `${doing}: ${NO_STREAM.message}`)
    })
  }

  async #publish(link: NatsLink, batch: Batch, state: LogState): Promise<BatchOutcome> {
    const writer = this.#writers.pop() ?? new HeaderWriter()
    const { indexes, rejected, ...publication } = this.#publicationOf(batch, state, {
      writer,
      maxPayload: link.maxPayload,
    })
    if (indexes.length === 0) return { rejected, kept: [] }
    const headers = writer.bytes
    const answers = await link.publish({ ...publication, headers })
    if (this.#writers.length < MAX_WRITERS) this.#writers.push(writer)
    const refused: Refused[] = []
    for (const [at, { offset }] of publication.messages.entries()) {
      const answer = answers[at] ?? {}
      if (answer.error !== undefined) refused.push({ index: indexes[at] ?? 0, answer })
      else state.stored.set(offset, answer.seq ?? 0)
    }
    this.#expectOurStream(answers)
    return this.#outcomeOf(batch, state, { refused, rejected, sent: indexes.length })
  }

  /** The messages that are not stored yet, with their headers and their indexes in the batch. */
  #publicationOf(
    { channel, logId, messages: all }: Batch,
    { confirmed, stored }: LogState,
    { writer, maxPayload }: { readonly writer: HeaderWriter; readonly maxPayload: number },
  ) {
    writer.begin({ connectorId: this.#settings.connectorId, channel, logId }, confirmed)
    const indexes: number[] = []
    const messages: Message[] = []
    const headerStarts: number[] = []
    const headerStops: number[] = []
    const rejected: Rejection[] = []
    let start = 0
    for (const [index, message] of all.entries()) {
      if (message.offset < confirmed.offset || stored.has(message.offset)) continue
      const stop = writer.write(message)
      const bytes = payloadBytesOf(message) + stop - start
      if (bytes > maxPayload) rejected.push({ index, refusal: tooLarge(bytes, maxPayload) })
      else {
        indexes.push(index)
        messages.push(message)
        headerStarts.push(start)
        headerStops.push(stop)
      }
      start = stop
    }
    const subject = `${this.#prefix}.${channel}`
    return { subject, indexes, messages, headerStarts, headerStops, rejected }
  }

  #outcomeOf(
    { messages }: Batch,
    state: LogState,
    result: {
      refused: readonly Refused[]
      rejected: Rejection[]
      sent: number
    },
  ): BatchOutcome {
    const { refused, rejected, sent } = result
    const kept: number[] = []
    let keptReason: BatchOutcome['keptReason']
    for (const { index, answer } of refused) {
      const { code, message } = meaningOf(answer.error ?? {})
      const refusal = { error: code, message }
      if (code === 'ContentRefused') rejected.push({ index, refusal })
      else {
        kept.push(index)
        keptReason ??= refusal
      }
    }
    if (kept.length === sent && keptReason !== undefined) {
      const { code, message } = meaningOf(refused[0]?.answer.error ?? {})
      throw new ConnectorError(code, `sending to ${this.#prefix}.* at ${this.#at}: ${message}`)
    }
    if (kept.length === 0) state.confirm((messages.at(-1)?.offset ?? 0) + 1)
    rejected.sort((a, b) => a.index - b.index)
    return { rejected, kept, keptReason }
  }

  /** The position is read from the stream of the settings, so messages must not go to another one. */
  #expectOurStream(answers: readonly Acknowledgement[]): void {
    const { stream } = this.#settings.options
    const other = answers.find((answer) => answer.error === undefined && answer.stream !== stream)
    if (other === undefined) return
    const text = `the subjects ${this.#prefix}.* belong to the stream ${other.stream}, not to ${stream}`
    throw new ConnectorError('DestinationMissing', text)
  }

  async #stateOf(link: NatsLink, channel: string, logId: string): Promise<LogState> {
    const key = keyOf(channel, logId)
    const known = this.#states.get(key)
    if (known !== undefined) return known
    await this.#ensureStream(link)
    const { connectorId, options } = this.#settings
    const readBack = new ReadBack({
      api: this.#api,
      stream: options.stream,
      subject: `${this.#prefix}.${channel}`,
      timeout: options.timeout,
      connectorId,
      logId,
    })
    const state = await readBack.run(link)
    this.#states.set(key, state)
    return state
  }

  async #ensureStream(link: NatsLink): Promise<void> {
    if (this.#hasStream) return
    const { stream, timeout } = this.#settings.options
    if (!(await this.#findStream(link))) {
      const question = { name: stream, subjects: [`${this.#prefix}.*`], storage: 'file' }
      const made = await link.ask(`${this.#api}.STREAM.CREATE.${stream}`, question, timeout)
      expectNoError(made.error, `creating the stream ${stream}`)
    }
    this.#hasStream = true
  }

  async #findStream(link: NatsLink): Promise<boolean> {
    const { stream, timeout } = this.#settings.options
    const info = await link.ask(`${this.#api}.STREAM.INFO.${stream}`, {}, timeout)
    if (info.error?.err_code === NOT_FOUND) return false
    expectNoError(info.error, `looking for the stream ${stream}`)
    return true
  }

  /** Work on the connection, which ends with it if it fails, takes too long or is aborted. */
  async #run<Result>({ doing, signal }: Call, work: (link: NatsLink) => Promise<Result>) {
    if (signal.aborted) throw new ConnectorError('Stopping', `${doing}: aborted`)
    const { timeout, connectTimeout } = this.#settings.options
    let link: NatsLink | undefined
    const { promise, reject } = withResolvers()
    promise.catch(() => {})
    const stop = (error: Error) => {
      reject(error)
      link?.end(error)
    }
    const abort = () => stop(new ConnectorError('Stopping', `${doing}: aborted`))
    const limit = timeout + connectTimeout
    const timer = setTimeout(() => stop(new Error(`no answer within ${limit} ms`)), limit)
    signal.addEventListener('abort', abort, { once: true })
    try {
      const linked = this.#connector.link().then((opened) => {
        link = opened
        return work(opened)
      })
      linked.catch(() => {})
      return await Promise.race([linked, promise])
    } catch (thrown) {
      throw failureOf(thrown, doing, this.#peer)
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
  }
}

function withResolvers() {
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<never>((_, fail) => {
    reject = fail
  })
  return { promise, reject }
}

function tooLarge(bytes: number, most: number) {
  const message = `the message has ${bytes} bytes with its headers, but max_payload of the server is ${most}`
  return { error: 'ContentRefused', message }
}

function keyOf(channel: string, logId: string): string {
  return `${channel}/${logId}`
}
