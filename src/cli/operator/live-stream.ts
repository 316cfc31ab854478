/**
 * The connector's stream of events, opened again whenever it ends. A connector that hangs keeps its
 * connections, so silence counts as an end too.
 */
import type { Clock, Timer } from '../../clock.ts'
import { messageOf } from '../../errors.ts'
import type { ConnectorClient } from '../connector-client.ts'
import { eventsIn, type StreamEvent } from './event-stream.ts'

/** The connector sends something every second. */
const SILENCE_MS = 5_000
const AGAIN_MS = 1_000

export interface LiveListener {
  readonly onEvent: (event: StreamEvent) => void
  /** Called whenever there is no answer, with the reason. */
  readonly onAway: (reason: string) => void
}

export class LiveStream {
  readonly #connector: ConnectorClient
  readonly #clock: Clock
  readonly #listener: LiveListener
  #topics: readonly string[] = []
  /** The connection whose events count; those before it are being closed. */
  #generation = 0
  #timer: Timer | undefined
  #cancel = async (): Promise<void> => {}

  constructor(connector: ConnectorClient, clock: Clock, listener: LiveListener) {
    this.#connector = connector
    this.#clock = clock
    this.#listener = listener
  }

  /** Also to get others: the events of the topics before end. */
  start(topics: readonly string[]): void {
    this.#topics = topics
    this.#connect()
  }

  stop(): void {
    this.#generation += 1
    this.#timer?.cancel()
    void this.#cancel()
  }

  #connect(): void {
    this.stop()
    const generation = this.#generation
    this.#watch(generation)
    void this.#read(generation)
      .then(() => 'the connector ended the stream', messageOf)
      .then((reason) => this.#again(generation, reason))
  }

  async #read(generation: number): Promise<void> {
    const topics = this.#topics.join(',')
    const response = await this.#connector.getOrFail('/api/v1/events', { topics })
    const { body } = response
    if (body === null) return
    const reader = body.getReader()
    const cancel = () => reader.cancel().catch(() => {})
    if (generation !== this.#generation) return await cancel()
    this.#cancel = cancel
    for await (const event of eventsIn(this.#parts(reader, generation))) {
      if (generation !== this.#generation) return
      this.#listener.onEvent(event)
    }
  }

  async *#parts(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    generation: number,
  ): AsyncGenerator<Uint8Array> {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      if (generation === this.#generation) this.#watch(generation)
      yield value
    }
  }

  #watch(generation: number): void {
    this.#timer?.cancel()
    const seconds = SILENCE_MS / 1_000
    this.#timer = this.#clock.after(SILENCE_MS, () =>
      this.#again(generation, `it has said nothing for ${seconds} s`),
    )
  }

  #again(generation: number, reason: string): void {
    if (generation !== this.#generation) return
    this.stop()
    this.#listener.onAway(reason)
    this.#timer = this.#clock.after(AGAIN_MS, () => this.#connect())
  }
}
