/**
 * Stored messages that contain a text, in their topic, ids or payload, in upper or lower case. A
 * request looks at a part of the log and says how far it got, so it takes little time and memory
 * whatever the channel holds.
 */
import type { FastifyInstance } from 'fastify'
import type { Message } from '../../message.ts'
import { safeJson } from '../../shown-text.ts'
import type { RequestLimits } from '../connections/request-limits.ts'
import { JSON_TYPE, sendInPieces } from '../requests/pages.ts'
import type { ConnectorView } from '../views/connector-view.ts'
import { cutMessage } from '../views/message-line.ts'
import type { ReadFrom } from '../views/read-from.ts'
import { found } from './found.ts'
import { operations } from './operations.ts'
import { operatorRoute } from './operator-route.ts'
import type { FoundMessages, TailMessage } from './shapes/messages.ts'

/** What one request looks at, whichever comes first. */
const MAX_BYTES = 16 * 1024 * 1024
const MAX_LOOKED = 50_000
/** Messages that are read at once; they have up to 1 MB. */
const PAGE = 1_000
/** Bytes that are looked at in one turn of the event loop. */
const TURN_BYTES = 64 * 1024
/** What a message costs besides its payload. */
const MESSAGE_BYTES = 128

interface Wanted {
  readonly channel: string
  readonly text: string
  readonly from: ReadFrom
  readonly limit: number
}

export function searchRoute(
  server: FastifyInstance,
  view: ConnectorView,
  { searches }: RequestLimits,
): void {
  operatorRoute(server, operations.search, async ({ name, query, reply }) => {
    const wanted = { channel: name, ...query, text: query.text.toLowerCase() }
    const text = await searches.serve(reply.raw, async (nextTurn) => {
      const answer = await new Search(view, wanted, nextTurn).run()
      return safeJson(JSON.stringify(answer))
    })
    return sendInPieces(reply, JSON_TYPE, [text])
  })
}

class Search {
  readonly #view: ConnectorView
  readonly #wanted: Wanted
  readonly #nextTurn: () => Promise<void>
  readonly #messages: TailMessage[] = []
  #looked = 0
  #bytes = 0
  #bytesAtTurn = 0
  #last: Message | undefined

  constructor(view: ConnectorView, wanted: Wanted, nextTurn: () => Promise<void>) {
    this.#view = view
    this.#wanted = wanted
    this.#nextTurn = nextTurn
  }

  async run(): Promise<FoundMessages> {
    const end = await this.#start('now')
    const from = await this.#start(this.#wanted.from)
    let next = from
    while (next < end && !this.#isEnough) {
      const messages = await this.#read({ offset: next }, PAGE)
      if (messages.length === 0) {
        // What was there has been removed meanwhile.
        next = end
        break
      }
      next = await this.#lookAt(messages, next)
    }
    return {
      from,
      next,
      end,
      looked: this.#looked,
      lookedUntil: this.#last === undefined ? null : new Date(this.#last.receivedAt).toISOString(),
      messages: this.#messages,
    }
  }

  get #isEnough(): boolean {
    return (
      this.#messages.length >= this.#wanted.limit ||
      this.#looked >= MAX_LOOKED ||
      this.#bytes >= MAX_BYTES
    )
  }

  /** Returns where to go on. */
  async #lookAt(messages: readonly Message[], before: number): Promise<number> {
    let next = before
    for (const message of messages) {
      if (this.#isEnough) break
      if (contains(message, this.#wanted.text)) this.#messages.push(cutMessage(message))
      this.#last = message
      this.#looked += 1
      this.#bytes += message.payload.length + MESSAGE_BYTES
      next = message.offset + 1
      if (this.#bytes - this.#bytesAtTurn < TURN_BYTES) continue
      this.#bytesAtTurn = this.#bytes
      await this.#nextTurn()
    }
    return next
  }

  async #start(from: ReadFrom): Promise<number> {
    const { channel } = this.#wanted
    const { messages, next } = found(channel, await this.#view.readMessages(channel, from, 1))
    return messages[0]?.offset ?? next
  }

  async #read(from: ReadFrom, limit: number): Promise<readonly Message[]> {
    const { channel } = this.#wanted
    return found(channel, await this.#view.readMessages(channel, from, limit)).messages
  }
}

function contains({ topic, senderId, messageId, payload }: Message, text: string): boolean {
  return (
    topic.toLowerCase().includes(text) ||
    messageId.toLowerCase().includes(text) ||
    senderId?.toLowerCase().includes(text) === true ||
    payload.toString('utf8').toLowerCase().includes(text)
  )
}
