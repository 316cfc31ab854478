/**
 * A process that answers each line on its standard input with one line on its standard output. It
 * ends with this process, after some time to end at the end of its input.
 */
import type { Clock } from '../../../clock.ts'
import { messageOf } from '../../../errors.ts'
import { printable } from '../../../shown-text.ts'
import { LineSplitter } from '../../lines/line-splitter.ts'
import { endOf, type GroupProgram, killGroup, startInGroup } from '../../programs/group-program.ts'

/** What a function may take to end when its input does. */
const GRACE_S = 2
/** How much of a line on standard error is kept. */
const MAX_LOG_BYTES = 1_000

export interface LineProcessOptions {
  /** The program and its arguments. */
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>> | undefined
  readonly maxAnswerBytes: number
  readonly clock: Clock
  /** Called with each line that it writes to standard error. */
  readonly onLog: (line: string) => void
}

interface Exchange {
  readonly resolve: (answer: Buffer) => void
  readonly reject: (reason: Error) => void
}

export class LineProcess {
  readonly #options: LineProcessOptions
  readonly #child: GroupProgram
  /** Resolves when it has ended and its output has been read. */
  readonly ended: Promise<void>
  #exchange: Exchange | undefined
  #lastLog = ''
  #hasEnded = false

  private constructor(options: LineProcessOptions, child: GroupProgram) {
    this.#options = options
    this.#child = child
    this.ended = new Promise((resolve) => child.once('close', () => resolve()))
  }

  /** @throws {Error} if the command cannot be one, such as an empty name */
  static start(options: LineProcessOptions): LineProcess {
    const child = startInGroup({ ...options, graceS: GRACE_S })
    const started = new LineProcess(options, child)
    started.#listen()
    return started
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /**
   * One at a time. After an error the process ends.
   * @throws {Error} if it ends, says too much, or does not answer in time
   */
  async exchange(line: string, timeoutMs: number): Promise<Buffer> {
    const timer = this.#options.clock.after(timeoutMs, () => {
      this.#fail(`no answer within ${Math.round(timeoutMs)} ms`)
    })
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        this.#exchange = { resolve, reject }
        this.#child.stdin.write(`${line}\n`)
      })
    } finally {
      timer.cancel()
      this.#exchange = undefined
    }
  }

  /** Ends its input, on which a program is to end. */
  endInput(): void {
    this.#hasEnded = true
    this.#child.stdin.end()
  }

  kill(): void {
    this.#hasEnded = true
    killGroup(this.#child)
  }

  #listen(): void {
    const child = this.#child
    const answers = new LineSplitter({
      maxBytes: this.#options.maxAnswerBytes,
      onLine: (line) => this.#answer(line),
      onTooLong: () =>
        this.#fail(`its answer is longer than ${this.#options.maxAnswerBytes} bytes`),
    })
    const log = new LineSplitter({
      maxBytes: MAX_LOG_BYTES,
      onLine: (line) => this.#log(line),
      onTooLong: (start) => this.#log(start),
    })
    child.stdout.on('data', (chunk: Buffer) => answers.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => log.push(chunk))
    child.once('error', (thrown) => this.#fail(`it can’t be started: ${messageOf(thrown)}`))
    child.once('exit', () => {
      this.#hasEnded = true
    })
    child.once('close', (code, signal) => {
      log.end()
      const last = this.#lastLog && `; its last line: ${this.#lastLog}`
      this.#fail(`${endOf(code, signal)}${last}`)
    })
  }

  #answer(line: Buffer): void {
    if (this.#exchange !== undefined) this.#exchange.resolve(line)
    else this.#fail('it wrote a line to standard output that nobody asked for')
    this.#exchange = undefined
  }

  #log(line: Buffer): void {
    this.#lastLog = printable(line.toString())
    this.#options.onLog(this.#lastLog)
  }

  #fail(reason: string): void {
    this.kill()
    this.#exchange?.reject(new Error(reason))
  }
}
