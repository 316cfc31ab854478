/**
 * A process that answers each line on its standard input with one line on its standard output. It
 * has a process group of its own, so that what it starts ends with it. It also ends with this
 * process, however that ends and whatever the program does: a shell in its group waits for the end
 * of a pipe that this process holds open, leaves some time to end at the end of input, and kills the
 * group.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../../../clock.ts'
import { messageOf } from '../../../errors.ts'
import { printable } from '../../../shown-text.ts'
import { LineSplitter } from '../../lines/line-splitter.ts'

/** Receiving messages comes first. */
const NICENESS = 10
/** The descriptor 3 is that pipe. The program itself does not get it. */
const WATCHED =
  '{ read -r _ <&3; sleep 2; kill -KILL 0; } </dev/null >/dev/null 2>&1 & exec "$@" 3<&-'
/** Of the shell, if there is no such program, or it is none. */
const NOT_STARTED: ReadonlySet<number | null> = new Set([126, 127])
/** How much of a line on standard error is kept. */
const MAX_LOG_BYTES = 1_000

export interface LineProcessOptions {
  /** The program and its arguments. */
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly maxAnswerBytes: number
  readonly clock: Clock
  /** Called with each line that it writes to standard error. */
  readonly onLog: (line: string) => void
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

interface Exchange {
  readonly resolve: (answer: Buffer) => void
  readonly reject: (reason: Error) => void
}

export class LineProcess {
  readonly #options: LineProcessOptions
  readonly #child: Child
  /** Resolves when it has ended and its output has been read. */
  readonly ended: Promise<void>
  #exchange: Exchange | undefined
  #lastLog = ''
  #hasEnded = false

  private constructor(options: LineProcessOptions, child: Child) {
    this.#options = options
    this.#child = child
    this.ended = new Promise((resolve) => child.once('close', () => resolve()))
  }

  /** @throws {Error} if the command cannot be one, such as an empty name */
  static start(options: LineProcessOptions): LineProcess {
    const { command, environment } = options
    const [program = '', ...args] =
      process.platform === 'win32' ? command : ['/bin/sh', '-c', WATCHED, 'sh', ...command]
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      detached: true,
      env: environment,
    })
    const started = new LineProcess(options, child)
    started.#listen()
    started.#lowerPriority()
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
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // The whole group has ended already.
    }
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
    // It may end while a line is being written to it; its end is reported below.
    child.stdin.on('error', () => undefined)
    child.once('error', (thrown) => this.#fail(`it cannot be started: ${messageOf(thrown)}`))
    // What it has started may still hold its output open.
    child.once('exit', () => this.kill())
    child.once('close', (code, signal) => {
      log.end()
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`
      const what = NOT_STARTED.has(code) ? 'it cannot be started' : `its process ended ${how}`
      this.#fail(`${what}${this.#lastLog && `; its last line: ${this.#lastLog}`}`)
    })
  }

  #lowerPriority(): void {
    try {
      if (this.#child.pid !== undefined) setPriority(this.#child.pid, NICENESS)
    } catch {
      // It has ended already, or the system does not allow it. It works all the same.
    }
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
