/**
 * Posts batches to any HTTP service. A batch has the same boundaries and the same bytes each time it
 * is sent, also after a crash, and its `Idempotency-Key` names it: a service that keeps the keys
 * takes each batch once. Others can recognise every message by connector, log id and offset.
 */
import { setMaxListeners } from 'node:events'
import { ConnectorError } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import { counted } from '../../units.ts'
import { batchRuleOf } from '../batch-rule.ts'
import {
  ALL_ACCEPTED,
  type Batch,
  type BatchOutcome,
  type BatchRule,
  type Destination,
} from '../destination.ts'
import type { DestinationSettings } from '../destination-settings.ts'
import { authorizationOf } from '../posting/authorization.ts'
import type { HeaderField } from '../posting/header-fields.ts'
import { Poster } from '../posting/poster.ts'
import { BufferPool } from '../rows/buffer-pool.ts'
import { BodyWriter } from './body-writer.ts'
import type { HttpDestinationOptions } from './options.ts'

const LIMITS = {
  defaults: { messages: 1_000, bytes: 524_288, intervalMs: 1_000 },
  most: { messages: 100_000, bytes: 67_108_864 },
  isPlanned: true,
} as const

const FORMATS = { ndjson: 'NDJSON', json: 'JSON', cloudevents: 'CloudEvents' } as const

export class HttpDestination implements Destination {
  readonly name: string
  readonly description: string
  readonly batchRule: BatchRule
  readonly #connectorId: string
  readonly #bodies: BodyWriter
  readonly #buffers = new BufferPool()
  readonly #poster: Poster

  constructor(settings: DestinationSettings<HttpDestinationOptions>) {
    const { name, place, options, connectorId, batch, clock, random } = settings
    this.name = name
    this.#connectorId = connectorId
    this.batchRule = batchRuleOf(batch, place, LIMITS)
    this.#bodies = new BodyWriter({ ...options, connectorId })
    this.#poster = new Poster({
      place,
      setting: `${place}.url`,
      url: options.url,
      contentType: this.#bodies.contentType,
      fields: fieldsOf(options, place),
      options,
      clock,
      random,
    })
    this.description = `POST of ${FORMATS[options.format]} to ${this.#poster.shownUrl}`
  }

  async open(): Promise<void> {
    await this.#poster.open()
  }

  async send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome> {
    // One signal may cancel the sends of all channels; Node would warn from the eleventh listener
    // on.
    setMaxListeners(0, signal)
    const out = this.#buffers.take()
    try {
      return await this.#sendInParts(batch, out, signal)
    } finally {
      this.#buffers.give(out)
    }
  }

  /** Asks what the URL is for, and posts nothing. Not every service knows that question. */
  async check(signal: AbortSignal): Promise<void> {
    setMaxListeners(0, signal)
    const body = Buffer.alloc(0)
    try {
      await this.#poster.post({ doing: 'calling OPTIONS', body, method: 'OPTIONS', signal })
    } catch (error) {
      if (!(error instanceof ConnectorError) || !isOnlyAboutOptions(error)) throw error
    }
  }

  async close(): Promise<void> {
    await this.#poster.close()
  }

  async #sendInParts(
    batch: Batch,
    out: ReturnType<BufferPool['take']>,
    signal: AbortSignal,
  ): Promise<BatchOutcome> {
    const { messages } = batch
    let sent = 0
    while (sent < messages.length) {
      const end = this.#bodies.write(out, batch, sent)
      try {
        await this.#sendPart(batch, sent, end, out.content(), signal)
      } catch (error) {
        // What was accepted before must not be sent again with the rest.
        if (sent === 0 || !(error instanceof ConnectorError)) throw error
        return keptFrom(sent, messages.length, { error: error.code, message: error.message })
      }
      sent = end
    }
    return ALL_ACCEPTED
  }

  async #sendPart(
    { channel, logId, messages }: Batch,
    from: number,
    to: number,
    body: Buffer,
    signal: AbortSignal,
  ): Promise<void> {
    const first = messages[from]?.offset ?? 0
    const last = messages[to - 1]?.offset ?? first
    const doing = `sending ${counted(to - from, 'message')} of channel ${channel}`
    const key = `${this.#connectorId}-${channel}-${logId}-${first}-${last}`
    const extraFields = `idempotency-key: ${key}\r\n`
    const { kind, said } = await this.#poster.post({ doing, body, extraFields, signal })
    if (kind === 'accepted') return
    throw new ConnectorError('ContentRefused', `${doing} to ${this.#poster.shownUrl}: ${said}`)
  }
}

/**
 * A service that takes POST may know no OPTIONS, which says nothing about the settings. It was
 * reached, and it is not the credentials that it refuses.
 */
function isOnlyAboutOptions({ message }: ConnectorError): boolean {
  return /: status (404|405|410|501)\b/.test(message)
}

function keptFrom(from: number, to: number, keptReason: Refusal): BatchOutcome {
  const kept = Array.from({ length: to - from }, (_, index) => from + index)
  return { rejected: [], kept, keptReason }
}

function fieldsOf(
  { headers, headerFiles, auth }: HttpDestinationOptions,
  place: string,
): HeaderField[] {
  const fields: HeaderField[] = []
  for (const [name, text] of Object.entries(headers)) fields.push({ name, value: { text } })
  for (const [name, file] of Object.entries(headerFiles)) {
    fields.push({ name, value: { file, setting: `${place}.headerFiles.${name}` } })
  }
  if (auth !== undefined) fields.push(authorizationOf(auth, `${place}.auth`, 'Bearer'))
  return fields
}
