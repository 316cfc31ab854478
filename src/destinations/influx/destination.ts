/**
 * Sends batches as line protocol. A point is its measurement, tags and time, and a message has the
 * same ones each time it is sent: what is sent again overwrites itself.
 *
 *     send ─▶ lines ─▶ post ─▶ 2xx: done
 *              ▲        └──▶ lines that the server names are rejected ─┐
 *              └──────────────────── the others ◀──────────────────────┘
 */
import { setMaxListeners } from 'node:events'
import { ConnectorError } from '../../errors.ts'
import { counted } from '../../units.ts'
import { batchRuleOf } from '../batch-rule.ts'
import type { Batch, BatchOutcome, BatchRule, Destination } from '../destination.ts'
import type { DestinationSettings } from '../destination-settings.ts'
import { authorizationOf } from '../posting/authorization.ts'
import { Poster, type PostResult } from '../posting/poster.ts'
import { LineBatch, type Rejection } from './line-batch.ts'
import type { LineRules } from './line-writer.ts'
import type { InfluxOptions } from './options.ts'
import { areAllRefused, isAboutServer, isForeign, refusedLines } from './refused-lines.ts'

const LIMITS = {
  defaults: { messages: 5_000, bytes: 1_048_576, intervalMs: 1_000 },
  most: { messages: 100_000, bytes: 16_777_216 },
} as const

/** How often the rest of a batch is sent again without the lines that the server has named. */
const MAX_ROUNDS = 5
/** Line writers kept for later. */
const MAX_KEPT = 4

export class InfluxDestination implements Destination {
  readonly name: string
  readonly description: string
  readonly batchRule: BatchRule
  readonly #place: string
  readonly #rules: LineRules
  readonly #poster: Poster
  readonly #kept: LineBatch[] = []

  constructor(settings: DestinationSettings<InfluxOptions>) {
    const { name, place, options, connectorId, batch, clock, random } = settings
    this.name = name
    this.#place = place
    this.batchRule = batchRuleOf(batch, place, LIMITS)
    this.#rules = rulesOf(options, connectorId)
    const { auth, api } = options
    const scheme = api === 'v3' ? 'Bearer' : 'Token'
    this.#poster = new Poster({
      place,
      setting: `${place}.url`,
      url: writeUrlOf(options),
      contentType: 'text/plain; charset=utf-8',
      fields: auth === undefined ? [] : [authorizationOf(auth, `${place}.auth`, scheme)],
      options,
      clock,
      random,
    })
    this.description = `line protocol to ${new URL(options.url).origin} (${targetOf(options)})`
  }

  async open(): Promise<void> {
    await this.#poster.open()
  }

  async send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome> {
    // One signal may cancel the sends of all channels; Node would warn from the eleventh listener
    // on.
    setMaxListeners(0, signal)
    const lines = this.#kept.pop() ?? new LineBatch(this.#rules)
    try {
      const rejected = lines.write(batch)
      rejected.push(...(await this.#post(lines, batch.channel, signal)))
      return { rejected: rejected.sort((a, b) => a.index - b.index), kept: [] }
    } finally {
      if (this.#kept.length < MAX_KEPT) this.#kept.push(lines)
    }
  }

  /** Posts no lines. A server looks for the database and checks the token before that. */
  async check(signal: AbortSignal): Promise<void> {
    setMaxListeners(0, signal)
    const doing = 'posting no lines'
    const result = await this.#poster.post({ doing, body: Buffer.alloc(0), signal })
    this.#expectServer(result, doing)
  }

  async close(): Promise<void> {
    await this.#poster.close()
  }

  /** Resolves once the server has every line that is not among the rejections. */
  async #post(lines: LineBatch, channel: string, signal: AbortSignal): Promise<Rejection[]> {
    const rejected: Rejection[] = []
    for (let round = 0; round < MAX_ROUNDS && lines.count > 0; round++) {
      const doing = `sending ${counted(lines.count, 'line')} of channel ${channel}`
      const result = await this.#poster.post({ doing, body: lines.body(), signal })
      this.#expectServer(result, doing)
      if (result.kind === 'accepted') return rejected
      const reasons = reasonsIn(result, lines.count)
      if (reasons.size === 0) throw this.#refused(doing, result.said)
      rejected.push(...lines.takeOut(reasons))
    }
    if (lines.count === 0) return rejected
    throw this.#refused(`sending to channel ${channel}`, 'the server refuses more and more lines')
  }

  /** Nothing is lost by sending all of it again: points overwrite themselves. */
  #refused(doing: string, said: string): ConnectorError {
    return new ConnectorError('ContentRefused', `${doing} to ${this.#poster.shownUrl}: ${said}`)
  }

  /** @throws {ConnectorError} if the answer says nothing about lines */
  #expectServer({ kind, answer, said }: PostResult, doing: string): void {
    const isOurs = kind === 'accepted' ? !isForeign(answer) : !isAboutServer(answer)
    if (isOurs) return
    throw new ConnectorError(
      'DestinationUnavailable',
      `${doing} to ${this.#poster.shownUrl}: ${said}. The messages are kept. Check the settings in ${this.#place}, and the limits of the server`,
    )
  }
}

/** By the place of the line. */
function reasonsIn({ answer, said }: PostResult, lineCount: number): Map<number, string> {
  if (areAllRefused(answer, lineCount)) {
    return new Map(Array.from({ length: lineCount }, (_, place) => [place, said]))
  }
  return new Map(refusedLines(answer, lineCount).map(({ line, reason }) => [line, reason]))
}

function rulesOf(options: InfluxOptions, connectorId: string): LineRules {
  const { measurement, tags, connectorTag, fields, nested, valueField, rawField } = options
  const connector = connectorTag ? { connector: { value: connectorId } } : {}
  return { measurement, tags: { ...connector, ...tags }, fields, nested, valueField, rawField }
}

function writeUrlOf({ url, api, database, retentionPolicy, bucket, org }: InfluxOptions): string {
  const target = new URL(url)
  const [path, given] = {
    v1: ['/write', { db: database, rp: retentionPolicy, precision: 'ns' }] as const,
    v2: ['/api/v2/write', { bucket, org, precision: 'ns' }] as const,
    v3: [
      '/api/v3/write_lp',
      { db: database, precision: 'nanosecond', accept_partial: 'true' },
    ] as const,
  }[api]
  target.pathname = target.pathname.replace(/\/+$/, '') + path
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) target.searchParams.set(name, value)
  }
  return target.href
}

function targetOf({ api, database, bucket }: InfluxOptions): string {
  return api === 'v2' ? `bucket ${bucket}` : `database ${database}`
}
