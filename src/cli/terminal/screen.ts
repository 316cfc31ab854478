/**
 * The whole terminal as a place to draw on, and its keys. `close` gives the terminal back as it
 * was, and so does everything else that ends the program, apart from SIGKILL: signals, errors that
 * nobody catches, `process.exit`. Ctrl-Z gives it back until the program goes on.
 */
import { emitKeypressEvents, type Key } from 'node:readline'
import { fitted } from './text-width.ts'

/** xterm's sequences, which all terminals of today understand. */
const ENTER = '\u001B[?1049h\u001B[?25l\u001B[?7l\u001B[2J'
const LEAVE = '\u001B[?7h\u001B[?25h\u001B[?1049l'
const CLEAR_REST_OF_LINE = '\u001B[K'
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const
const DEFAULT_ROWS = 24
const DEFAULT_COLUMNS = 80

export interface ScreenEvents {
  /** Such as `q`, `up`, `return`; `ctrl` with a letter is `ctrl-l`. Ctrl-C and Ctrl-Z are handled. */
  readonly onKey: (name: string, text: string) => void
  /** The size has changed, or the program goes on after it was suspended. */
  readonly onRedraw: () => void
  /** Ctrl-C, and signals: the program should end. */
  readonly onEnd: (signal: NodeJS.Signals) => void
}

export class Screen {
  readonly #process: NodeJS.Process
  readonly #events: ScreenEvents
  #drawn: readonly string[] = []
  /** From `open` to `close`. */
  #isInUse = false
  /** The terminal is ours; not while suspended. */
  #isOpen = false

  constructor(process: NodeJS.Process, events: ScreenEvents) {
    this.#process = process
    this.#events = events
  }

  get columns(): number {
    return this.#process.stdout.columns || DEFAULT_COLUMNS
  }

  get rows(): number {
    return this.#process.stdout.rows || DEFAULT_ROWS
  }

  open(): void {
    const { stdin, stdout } = this.#process
    this.#isInUse = true
    this.#process.on('exit', this.#leave)
    this.#process.on('uncaughtExceptionMonitor', this.#leave)
    this.#process.on('SIGCONT', this.#enter)
    this.#process.on('SIGTSTP', this.#suspend)
    for (const name of ENDING_SIGNALS) this.#process.on(name, this.#events.onEnd)
    stdout.on('resize', this.#redraw)
    if (stdin.isTTY) {
      emitKeypressEvents(stdin)
      stdin.on('keypress', this.#onKeypress)
      stdin.on('error', this.#onTerminalGone)
      stdin.resume()
    }
    this.#enter()
  }

  /** Lines beyond the last row are left out; only those that have changed are written. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return
    const { rows, columns } = this
    const shown = Array.from({ length: rows }, (_, row) => fitted(lines[row] ?? '', columns))
    const changes = shown.flatMap((line, row) =>
      line === this.#drawn[row] ? [] : `\u001B[${row + 1};1H${line}${CLEAR_REST_OF_LINE}`,
    )
    this.#drawn = shown
    if (changes.length > 0) this.#process.stdout.write(changes.join(''))
  }

  close(): void {
    const { stdin, stdout } = this.#process
    this.#isInUse = false
    this.#process.off('exit', this.#leave)
    this.#process.off('uncaughtExceptionMonitor', this.#leave)
    this.#process.off('SIGCONT', this.#enter)
    this.#process.off('SIGTSTP', this.#suspend)
    for (const name of ENDING_SIGNALS) this.#process.off(name, this.#events.onEnd)
    stdout.off('resize', this.#redraw)
    stdin.off('keypress', this.#onKeypress)
    this.#leave()
    if (stdin.isTTY) stdin.pause()
  }

  /** Also after SIGSTOP, which nothing announces: then the terminal is set up a second time. */
  readonly #enter = (): void => {
    const { stdin, stdout } = this.#process
    this.#isOpen = true
    // The shell has changed the mode of the terminal meanwhile, and Node believes that it has not.
    if (stdin.isTTY) stdin.setRawMode(false).setRawMode(true)
    stdout.write(ENTER)
    this.#redraw()
  }

  readonly #leave = (): void => {
    if (!this.#isOpen) return
    this.#isOpen = false
    const { stdin, stdout } = this.#process
    if (stdin.isTTY) stdin.setRawMode(false)
    stdout.write(LEAVE)
  }

  readonly #suspend = (): void => {
    this.#leave()
    this.#process.off('SIGTSTP', this.#suspend)
    this.#process.once('SIGCONT', () => this.#process.on('SIGTSTP', this.#suspend))
    // Without a listener, the signal stops the process; 0 names all of the job, as the terminal does.
    this.#process.kill(0, 'SIGTSTP')
    // Where no shell could continue the process, the system does not stop it.
    setImmediate(() => {
      if (this.#isInUse && !this.#isOpen) this.#enter()
    })
  }

  readonly #onTerminalGone = (): void => this.#events.onEnd('SIGHUP')

  readonly #redraw = (): void => {
    if (!this.#isOpen) return
    this.#drawn = []
    this.#process.stdout.write('\u001B[2J')
    this.#events.onRedraw()
  }

  readonly #onKeypress = (text: string | undefined, key: Key): void => {
    if (key.ctrl === true && key.name === 'c') this.#events.onEnd('SIGINT')
    else if (key.ctrl === true && key.name === 'z') this.#suspend()
    else if (key.ctrl === true && key.name === 'l') this.#redraw()
    else this.#events.onKey(nameOf(key, text), text ?? '')
  }
}

function nameOf({ name, ctrl, shift }: Key, text = ''): string {
  if (ctrl === true) return `ctrl-${name}`
  return shift === true && name === 'tab' ? 'shift-tab' : (name ?? text)
}
