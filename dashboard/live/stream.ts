/**
 * The one stream of events of this tab. It asks for the topics that the page shows, and is closed
 * while the tab is hidden: a browser has six connections to a server, and the seventh tab would hang.
 */

/** As much of `EventSource` as is used. */
export interface EventConnection {
  /** Called for every event, also for the ones of topics. */
  onEvent: (name: string, data: string) => void
  /** Called when the connection has ended or could not be made. */
  onEnd: () => void
  close(): void
}

/** `paused`: the tab is hidden. `lost`: no answer, trying again. */
export type LinkState = 'connecting' | 'live' | 'lost' | 'paused'

export interface StreamOptions {
  readonly open: (topics: readonly string[]) => EventConnection
  readonly onEvent: (name: string, data: string) => void
  readonly onState: (state: LinkState) => void
  /** Calls once, after the delay; returns what cancels it. */
  readonly after: (delayMs: number, call: () => void) => () => void
}

/** Events come every second. After this silence, the connection is given up. */
const SILENCE_MS = 8_000
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 15_000

export class Stream {
  readonly #options: StreamOptions
  /** How often each topic is wanted. */
  readonly #wanted = new Map<string, number>()
  #connection: EventConnection | undefined
  /** The topics of the connection. */
  #asked = ''
  #isHidden = false
  #failures = 0
  #isChangeDue = false
  #cancelTimer: () => void = () => {}

  constructor(options: StreamOptions) {
    this.#options = options
  }

  /** Asks for a topic until the returned function is called. */
  want(topic: string): () => void {
    this.#count(topic, 1)
    let isWanted = true
    return () => {
      if (isWanted) this.#count(topic, -1)
      isWanted = false
    }
  }

  /** Closes the stream while the tab is hidden. */
  setHidden(isHidden: boolean): void {
    if (this.#isHidden === isHidden) return
    this.#isHidden = isHidden
    this.#failures = 0
    if (isHidden) this.#pause()
    else this.#connect('connecting')
  }

  /** Connects now: after a login, or because a person asks for it. */
  retry(): void {
    this.#failures = 0
    if (!this.#isHidden) this.#connect('connecting')
  }

  #count(topic: string, change: number): void {
    const count = (this.#wanted.get(topic) ?? 0) + change
    if (count > 0) this.#wanted.set(topic, count)
    else this.#wanted.delete(topic)
    if (this.#isChangeDue) return
    // A page that goes and one that comes are one change.
    this.#isChangeDue = true
    queueMicrotask(() => {
      this.#isChangeDue = false
      if (!this.#isHidden && this.#topics() !== this.#asked) this.#connect(undefined)
    })
  }

  #topics(): string {
    return [...this.#wanted.keys()].sort().join(',')
  }

  #pause(): void {
    this.#end()
    this.#options.onState('paused')
  }

  #end(): void {
    this.#cancelTimer()
    this.#connection?.close()
    this.#connection = undefined
    this.#asked = ''
  }

  #connect(state: LinkState | undefined): void {
    this.#end()
    const asked = this.#topics()
    if (asked === '') return
    if (state !== undefined) this.#options.onState(state)
    const connection = this.#options.open(asked.split(','))
    this.#connection = connection
    this.#asked = asked
    connection.onEvent = (name, data) => {
      if (this.#connection === connection) this.#received(name, data)
    }
    connection.onEnd = () => {
      if (this.#connection === connection) this.#lost()
    }
    this.#expectEvent()
  }

  #received(name: string, data: string): void {
    this.#failures = 0
    this.#expectEvent()
    this.#options.onState('live')
    this.#options.onEvent(name, data)
  }

  #expectEvent(): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#options.after(SILENCE_MS, () => this.#lost())
  }

  #lost(): void {
    this.#end()
    this.#options.onState('lost')
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS)
    this.#failures++
    this.#cancelTimer = this.#options.after(delayMs, () => this.#connect(undefined))
  }
}
