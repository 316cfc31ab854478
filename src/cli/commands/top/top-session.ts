/** `top` on a terminal: keys and events change what is shown, until a key or a signal ends it. */
import type { Clock } from '../../../clock.ts'
import type { Overview } from '../../../http/api/shapes/overview.ts'
import type { ConnectorClient } from '../../connector-client.ts'
import { LiveStream } from '../../operator/live-stream.ts'
import { lookFor } from '../../operator/look.ts'
import { Screen } from '../../terminal/screen.ts'
import { firstData, type TopData, withEvent } from './live-data.ts'
import { type Away, topFrame } from './top-frame.ts'
import { afterKey, FIRST_STATE, PAGES, type TopState } from './top-state.ts'

export interface TopContext {
  readonly process: NodeJS.Process
  readonly clock: Clock
  /** Aborted when the terminal is gone. */
  readonly outputClosed: AbortSignal
}

const ENDED_BY_KEY = 'SIGINT'

export class TopSession {
  readonly #context: TopContext
  readonly #screen: Screen
  readonly #stream: LiveStream
  #state: TopState = FIRST_STATE
  #data: TopData
  /** What is shown: the data, or while paused those of that moment. */
  #shown: TopData
  #away: Away | undefined
  #answeredAt: number
  #isDrawing = false
  #end: (signal: NodeJS.Signals) => void = () => {}

  constructor(connector: ConnectorClient, overview: Overview, context: TopContext) {
    const { process, clock } = context
    this.#context = context
    this.#data = firstData(overview)
    this.#shown = this.#data
    this.#answeredAt = clock.now()
    this.#screen = new Screen(process, {
      onKey: (key, text) => this.#onKey(key, text),
      onRedraw: () => this.#draw(),
      onEnd: (signal) => this.#end(signal),
    })
    this.#stream = new LiveStream(connector, clock, {
      onEvent: (event) => {
        this.#away = undefined
        this.#answeredAt = clock.now()
        this.#update(withEvent(this.#data, event))
      },
      onAway: (reason) => {
        this.#away = { since: this.#answeredAt, reason }
        this.#drawSoon()
      },
    })
  }

  /** Resolves when it has ended. A signal then ends the program as if nobody had handled it. */
  async run(): Promise<void> {
    const { outputClosed, process } = this.#context
    const ended = new Promise<NodeJS.Signals>((resolve) => {
      this.#end = resolve
    })
    const onClosed = () => this.#end(ENDED_BY_KEY)
    outputClosed.addEventListener('abort', onClosed)
    this.#screen.open()
    this.#stream.start(this.#topics())
    let signal: NodeJS.Signals
    try {
      signal = await ended
    } finally {
      this.#stream.stop()
      this.#screen.close()
      outputClosed.removeEventListener('abort', onClosed)
    }
    if (signal !== ENDED_BY_KEY) process.kill(process.pid, signal)
  }

  #onKey(key: string, text: string): void {
    const before = this.#state
    this.#state = afterKey(before, key, text, this.#shown)
    const { hasEnded, tailed, isPaused } = this.#state
    if (hasEnded) {
      this.#end(ENDED_BY_KEY)
      return
    }
    if (tailed !== before.tailed) {
      this.#data = { ...this.#data, tail: [], skipped: 0 }
      this.#shown = this.#data
      this.#stream.start(this.#topics())
    }
    if (!isPaused) this.#shown = this.#data
    this.#draw()
  }

  #topics(): readonly string[] {
    const { tailed } = this.#state
    return ['overview', ...PAGES, ...(tailed === undefined ? [] : [`tail:${tailed}`])]
  }

  #update(data: TopData): void {
    this.#data = data
    if (this.#state.isPaused) return
    this.#shown = data
    this.#drawSoon()
  }

  /** Events come in bunches. */
  #drawSoon(): void {
    if (this.#isDrawing) return
    this.#isDrawing = true
    setImmediate(() => {
      this.#isDrawing = false
      this.#draw()
    })
  }

  #draw(): void {
    const { rows, columns } = this.#screen
    const look = { ...lookFor(this.#context.process), columns }
    this.#screen.draw(topFrame(this.#state, this.#shown, this.#away, { rows, columns }, look))
  }
}
