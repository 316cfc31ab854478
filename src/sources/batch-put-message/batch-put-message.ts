/**
 * Takes BatchPutMessage from other connectors, AWS SDKs and the AWS CLI. The HTTP server has the
 * port; this is what a request means:
 *
 *     request ─▶ signature ─▶ batch, origin ─▶ intake, position ─▶ commit ─▶ answer
 *                                              └ in one turn of the event loop, so in one cycle
 *
 * A batch that carries its origin adds only those of its messages that are not here yet. So a sender
 * may send it as often as it likes.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { RequestSignatures } from '../../aws-server/request-signatures.ts'
import {
  exceptionAnswer,
  type ServiceAnswer,
  ServiceException,
} from '../../aws-server/service-answer.ts'
import {
  countOf,
  MAX_CHAIN_MESSAGES,
  MAX_HOPS,
  ORIGIN_HEADER,
  type Origin,
  parseOrigin,
  parseTopics,
  runsOfOffsets,
  TOPICS_HEADER,
} from '../../chain/origin.ts'
import type { Clock } from '../../clock.ts'
import { MAX_TOPIC_BYTES, type Refusal } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import { quoted } from '../../shown-text.ts'
import { isTopicName } from '../../topics.ts'
import type { ChannelIntake, ReceiptOutlet, Source } from '../source.ts'
import { answerOf, type ErrorEntry } from './batch-answer.ts'
import { type BatchRequest, PayloadDecoder, parseBatch } from './batch-request.ts'
import { BatchRound, exceptionFor } from './batch-round.ts'
import { CommittedBatches } from './committed-batches.ts'
import type { BatchPutMessageOptions } from './options.ts'
import type { OriginPositions } from './origin-positions.ts'
import type { OriginStream } from './origin-stream.ts'

/** When a sender may try again if there is no room. */
const RETRY = { retryAfterSeconds: 2 }
/** What decides about the messages has to be signed. */
const SIGNED_HEADERS = [ORIGIN_HEADER, TOPICS_HEADER]

export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The client, for logs. */
  readonly remote: string
}

export interface BatchPutMessageSettings {
  readonly options: BatchPutMessageOptions
  readonly connectorId: string
  readonly positions: OriginPositions
  readonly observer: PipelineObserver
  readonly clock: Clock
}

export class BatchPutMessage implements Source {
  readonly name = 'batch-put-message'
  readonly description = 'BatchPutMessage at /messages/batch of the HTTP port'
  readonly outlet: ReceiptOutlet = { hasListeners: () => false, publish() {}, reply() {} }
  readonly #settings: BatchPutMessageSettings
  readonly #allowed: readonly RegExp[] | undefined
  readonly #decoder = new PayloadDecoder()
  readonly #commits: CommittedBatches
  readonly #signatures: RequestSignatures
  #intake: ChannelIntake | undefined

  constructor(settings: BatchPutMessageSettings) {
    this.#settings = settings
    const { options, positions } = settings
    this.#allowed = options.channels?.map(
      (pattern) => new RegExp(`^${pattern.replaceAll('*', '.*')}$`),
    )
    this.#commits = new CommittedBatches(positions)
    this.#signatures = new RequestSignatures({
      ...settings,
      credentials: options.credentials,
      place: 'sources.batchPutMessage.credentials',
      signedHeaders: SIGNED_HEADERS,
      name: this.name,
    })
  }

  /** Whether a signature says who may send, in place of the rules of the port. */
  get checksSignatures(): boolean {
    return this.#signatures.areRequired
  }

  get maxBodyBytes(): number {
    return this.#settings.options.maxBodyBytes
  }

  async start(intake: ChannelIntake): Promise<void> {
    await this.#signatures.start()
    this.#commits.start(intake)
    this.#intake = intake
  }

  async stopIntake(): Promise<void> {
    this.#intake = undefined
  }

  async close(): Promise<void> {
    await this.stopIntake()
    this.#signatures.close()
  }

  reload(): Promise<void> {
    return this.#signatures.reload()
  }

  /** Resolves when all accepted messages are durable. */
  async receive(request: ReceivedRequest): Promise<ServiceAnswer> {
    try {
      return answerOf(await this.#receive(request))
    } catch (thrown) {
      if (!(thrown instanceof ServiceException)) throw thrown
      if (thrown.status === 403 || thrown.status === 508) {
        this.#settings.observer.clientRefused(this.name, request.remote, thrown.message)
      }
      return exceptionAnswer(thrown)
    }
  }

  async #receive(request: ReceivedRequest): Promise<readonly ErrorEntry[]> {
    const { headers, body } = request
    this.#signatures.check(request)
    // Without an origin, as AWS has it.
    const maxMessages = headers[ORIGIN_HEADER] === undefined ? undefined : MAX_CHAIN_MESSAGES
    const batch = parseBatch(body, maxMessages)
    this.#checkChannel(batch.channel)
    const origin = this.#originOf(headers, batch)
    const topics = topicsOf(headers, batch)
    await this.#commits.room()
    const { entries, firstCycle, lastCycle } = this.#take(batch, origin, topics)
    const failure = await this.#commits.reported(firstCycle, lastCycle)
    if (failure !== undefined) throw notNow(failure)
    return entries
  }

  #checkChannel(channel: string): void {
    if (this.#allowed?.some((pattern) => pattern.test(channel)) ?? true) return
    const text = `Channel ${channel} can’t be sent to: no pattern of sources.batchPutMessage.channels matches it.`
    throw new ServiceException('ResourceNotFoundException', text)
  }

  /** Undefined if the sender says none. */
  #originOf(headers: IncomingHttpHeaders, { messages }: BatchRequest): Origin | undefined {
    const text = headers[ORIGIN_HEADER]
    if (text === undefined) return undefined
    const origin = typeof text === 'string' ? parseOrigin(text) : undefined
    if (origin === undefined || countOf(origin.offsets) !== messages.length) {
      const expected = `${ORIGIN_HEADER}: expected where ${messages.length} messages come from`
      throw new ServiceException('InvalidRequestException', `${expected}, got ${quoted(`${text}`)}`)
    }
    this.#refuseLoop(origin)
    return origin
  }

  #refuseLoop({ connector, upstream }: Origin): void {
    const { connectorId } = this.#settings
    const passed = [...upstream.connectors, connector]
    if (!passed.includes(connectorId) && upstream.hops < MAX_HOPS) return
    const path = passed.slice(-MAX_HOPS).join(' and ')
    const text = `The messages go in a circle: they come from ${path}, and this is ${connectorId}. Change the destinations of one of these connectors, or select other channels for them.`
    throw new ServiceException('LoopDetectedException', text, RETRY)
  }

  #take(batch: BatchRequest, origin: Origin | undefined, topics: readonly string[]): BatchRound {
    const intake = this.#intake
    if (intake === undefined) throw unavailable('The connector is stopping.')
    const payloads = this.#decoder.decode(batch.messages)
    const stream = origin && this.#streamOf(origin, batch.channel)
    const round = new BatchRound({ intake, batch, payloads, topics, stream, origin })
    round.offerAll()
    if (stream !== undefined && origin !== undefined) this.#stage(stream, origin, round)
    if (round.withheld !== undefined && round.entries.length === batch.messages.length) {
      throw notNow(round.withheld)
    }
    return round
  }

  #streamOf(origin: Origin, channel: string): OriginStream {
    const { positions } = this.#settings
    if (!positions.isReady) {
      throw unavailable('How far the sender has got can’t be written down now.')
    }
    const stream = positions.stream(origin, channel)
    const { connector, destination, instance, end } = origin
    if (!stream.admits(instance)) {
      throw unavailable(
        `Two connectors send as ${connector} (destination ${destination}), and their messages can’t be distinguished. Give each a connectorId of its own, and a data directory that is no copy.`,
      )
    }
    if (stream.end <= end) return stream
    throw unavailable(
      `There are messages of ${connector} up to offset ${stream.end} of channel ${channel} here, but its log ends at ${end}. It was restored from a backup, or has lost its newest messages, so new ones would be taken for those. Set connectorId of the sender to a name that it never had, and start it again before its log has grown to that offset. Messages that waited in the backup are then stored again.`,
    )
  }

  #stage(stream: OriginStream, origin: Origin, { accepted, lastCycle }: BatchRound): void {
    if (accepted.length === 0) return
    const runs = runsOfOffsets(accepted)
    const at = this.#settings.clock.now()
    this.#settings.positions.stage(stream, origin, { runs, at, cycle: lastCycle })
  }
}

function topicsOf(
  headers: IncomingHttpHeaders,
  { channel, messages }: BatchRequest,
): readonly string[] {
  const text = headers[TOPICS_HEADER]
  if (text === undefined) return []
  const topics = typeof text === 'string' ? parseTopics(text, messages.length) : undefined
  if (topics?.every(isStorable)) return topics
  const expected = `${TOPICS_HEADER}: expected the topics of ${messages.length} messages`
  throw new ServiceException(
    'InvalidRequestException',
    `${expected} of channel ${channel}, got ${quoted(`${text}`)}`,
  )
}

function isStorable(topic: string): boolean {
  return isTopicName(topic) && Buffer.byteLength(topic) <= MAX_TOPIC_BYTES
}

function notNow(refusal: Refusal): ServiceException {
  const text = `${refusal.error}: ${refusal.message}`
  return new ServiceException(exceptionFor(refusal), text, RETRY)
}

function unavailable(message: string): ServiceException {
  return new ServiceException('ServiceUnavailableException', message, RETRY)
}
