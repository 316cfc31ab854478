/**
 * An MQTT topic that stands for an input of IoT Events: one message of JSON for each row. Everyone
 * who subscribes to the topic at that time gets them.
 */
import type { Clock } from '../../../clock.ts'
import { pause } from '../../../destinations/http-client/wait.ts'
import { ConnectorError } from '../../../errors.ts'
import { MAX_PAYLOAD_BYTES } from '../../../message.ts'
import type { MessageOutlet } from '../contracts/message-outlet.ts'
import type { ContentTarget, DeliveredContent } from './content-target.ts'
import { rowsOf, type TextRow } from './quoted-rows.ts'

/** Some 10,000 rows a second, so that subscribers can keep up. */
const ROWS_AT_ONCE = 100
const PAUSE_MS = 10
/** Quotes and names make a row longer in JSON than in CSV, never by so much. */
const MAX_ROW_CHARACTERS = 4 * MAX_PAYLOAD_BYTES

export class InputMessages implements ContentTarget {
  readonly #topic: string
  readonly #outlet: MessageOutlet
  readonly #clock: Clock

  constructor(topic: string, outlet: MessageOutlet, clock: Clock) {
    this.#topic = topic
    this.#outlet = outlet
    this.#clock = clock
  }

  async deliver(content: DeliveredContent, signal: AbortSignal): Promise<void> {
    let names: TextRow | undefined
    let waiting: Buffer[] = []
    let number = 0
    for await (const row of this.#rows(content)) {
      if (names === undefined) names = row
      else waiting.push(messageOf(names, row, ++number))
      if (waiting.length < ROWS_AT_ONCE) continue
      this.#outlet.publish(this.#topic, waiting)
      waiting = []
      await pause(PAUSE_MS, { clock: this.#clock, signal })
    }
    if (waiting.length > 0) this.#outlet.publish(this.#topic, waiting)
  }

  async *#rows(content: DeliveredContent): AsyncGenerator<TextRow> {
    try {
      yield* rowsOf(content.read(), MAX_ROW_CHARACTERS)
    } catch (thrown) {
      if (thrown instanceof RangeError) throw tooLong(thrown.message)
      throw thrown
    }
  }
}

function messageOf(names: TextRow, row: TextRow, number: number): Buffer {
  const members = names.map((name, column) => [name ?? '', jsonOf(row[column] ?? null)] as const)
  // Not `Object.fromEntries`: a column may be called __proto__.
  const texts = members.map(([name, value]) => `${JSON.stringify(name)}:${value}`)
  const message = Buffer.from(`{${texts.join(',')}}`)
  if (message.length <= MAX_PAYLOAD_BYTES) return message
  throw tooLong(`row ${number} has ${message.length} bytes of JSON`)
}

/** CSV has text alone. What reads as a number, `true` or `false`, and no other way, is one. */
function jsonOf(text: string | null): string {
  if (text === null) return 'null'
  const isPlain = text === 'true' || text === 'false' || isNumber(text)
  return isPlain ? text : JSON.stringify(text)
}

function isNumber(text: string): boolean {
  return /^-?(0|[1-9]\d{0,15})(\.\d{1,17})?$/.test(text)
}

function tooLong(what: string): ConnectorError {
  const text = `${what}, and a message has at most ${MAX_PAYLOAD_BYTES} bytes; select fewer columns`
  return new ConnectorError('InvalidDataset', text)
}
