/** A client of the stream of events. */
import type { TestContext } from 'node:test'
import { until } from '../until.ts'

export interface ReceivedEvent {
  readonly name: string
  readonly data: string
}

export class EventStream {
  readonly events: ReceivedEvent[] = []
  readonly status: number
  readonly headers: Headers
  isEnded = false
  readonly #leaving: AbortController

  private constructor(response: Response, leaving: AbortController) {
    this.status = response.status
    this.headers = response.headers
    this.#leaving = leaving
    void this.#read(response)
  }

  static async open(t: TestContext, url: string, topics: string): Promise<EventStream> {
    const leaving = new AbortController()
    t.after(() => leaving.abort())
    const response = await fetch(`${url}/api/v1/events?topics=${topics}`, {
      signal: leaving.signal,
    })
    return new EventStream(response, leaving)
  }

  /** The data of the events of this name so far. */
  of(name: string): unknown[] {
    return this.events.filter((event) => event.name === name).map(({ data }) => JSON.parse(data))
  }

  async untilCount(name: string, count: number): Promise<unknown[]> {
    await until(`${count} events ${name}`, () => this.of(name).length >= count)
    return this.of(name)
  }

  leave(): void {
    this.#leaving.abort()
  }

  async #read(response: Response): Promise<void> {
    let text = ''
    const decoder = new TextDecoder()
    try {
      for await (const part of response.body ?? []) {
        text += decoder.decode(part, { stream: true })
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) this.#add(block)
      }
    } catch {
      // The client has left, or the connection was destroyed.
    }
    this.isEnded = true
  }

  #add(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]),
    )
    const name = fields.get('event')
    if (name !== undefined) this.events.push({ name, data: fields.get('data') ?? '' })
  }
}
