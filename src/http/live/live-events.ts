/**
 * Streams of events for those who watch. Once a second one snapshot is made for all of them, and
 * each topic is written as JSON once. Without viewers there is no timer, and nothing is read.
 */
import type { Writable } from 'node:stream'
import type { Clock, Timer } from '../../clock.ts'
import type { Topic, WantedTopics } from '../api/event-topics.ts'
import type { ConnectorView } from '../views/connector-view.ts'
import type { Snapshot } from '../views/operator-view.ts'
import { eventText } from './event-text.ts'
import { TailReader } from './tail-reader.ts'
import { Viewer } from './viewer.ts'

export const TICK_MS = 1_000
const MAX_VIEWERS = 16

type LiveView = Pick<ConnectorView, 'snapshot' | 'readMessages'>

interface SharedTail {
  readonly reader: TailReader
  viewers: number
}

export class LiveEvents {
  readonly #view: LiveView
  readonly #clock: Clock
  readonly #viewers = new Set<Viewer>()
  readonly #tails = new Map<string, SharedTail>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(view: LiveView, clock: Clock) {
    this.#view = view
    this.#clock = clock
  }

  get hasRoom(): boolean {
    return !this.#isClosed && this.#viewers.size < MAX_VIEWERS
  }

  get viewerCount(): number {
    return this.#viewers.size
  }

  /** The head of the response has been written. The first events are sent at once. */
  add(response: Writable, wanted: WantedTopics, first: readonly Buffer[]): Viewer {
    const viewer = new Viewer(response, wanted)
    response.once('close', () => this.#remove(viewer))
    // A connection that breaks is closed, which is all there is to do.
    response.on('error', () => {})
    this.#viewers.add(viewer)
    for (const channel of wanted.tails) this.#shareTail(channel)
    for (const event of first) viewer.send(event)
    this.#sendFigures([viewer])
    this.#timer ??= this.#clock.after(TICK_MS, () => this.#tick())
    return viewer
  }

  /** Ends all streams. */
  close(): void {
    this.#isClosed = true
    for (const viewer of [...this.#viewers]) {
      viewer.end()
      this.#remove(viewer)
    }
  }

  #remove(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return
    for (const channel of viewer.wanted.tails) this.#leaveTail(channel)
    if (this.#viewers.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #shareTail(channel: string): void {
    const known = this.#tails.get(channel)
    if (known !== undefined) {
      known.viewers += 1
      return
    }
    const reader = new TailReader(channel, this.#view)
    this.#tails.set(channel, { reader, viewers: 1 })
    // Where it cannot be read now, the first tick tries again.
    void reader.open().catch(() => {})
  }

  #leaveTail(channel: string): void {
    const tail = this.#tails.get(channel)
    if (tail === undefined) return
    tail.viewers -= 1
    if (tail.viewers === 0) this.#tails.delete(channel)
  }

  #tick(): void {
    this.#timer = this.#clock.after(TICK_MS, () => this.#tick())
    this.#sendFigures([...this.#viewers])
    for (const [channel, { reader }] of this.#tails) void this.#sendTail(channel, reader)
  }

  #sendFigures(viewers: readonly Viewer[]): void {
    const events = new TickEvents(this.#view.snapshot())
    for (const viewer of viewers) {
      for (const topic of viewer.wanted.topics) {
        if (topic !== 'problems') viewer.send(events.of(topic))
        else if (viewer.problems !== events.problems && viewer.send(events.of(topic))) {
          viewer.problems = events.problems
        }
      }
    }
  }

  async #sendTail(channel: string, reader: TailReader): Promise<void> {
    const tail = await reader.read()
    if (tail === undefined) return
    const event = eventText('tail', tail)
    for (const viewer of this.#viewers) {
      if (viewer.wanted.tails.has(channel)) viewer.send(event)
    }
  }
}

/** The events of one tick, each made when it is first wanted. */
class TickEvents {
  readonly #snapshot: Snapshot
  readonly #made = new Map<Topic, Buffer>()
  #problems: string | undefined

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot
  }

  /** To tell whether they have changed. */
  get problems(): string {
    this.#problems ??= JSON.stringify(this.#snapshot.overview.verdict.problems)
    return this.#problems
  }

  of(topic: Topic): Buffer {
    const made = this.#made.get(topic) ?? eventText(topic, this.#dataOf(topic))
    this.#made.set(topic, made)
    return made
  }

  #dataOf(topic: Topic): unknown {
    const { overview } = this.#snapshot
    switch (topic) {
      case 'overview':
        return overview
      case 'problems':
        return overview.verdict.problems
      case 'channels':
        return this.#snapshot.channelTable
      default:
        return this.#snapshot[topic]
    }
  }
}
