/**
 * The log in a file of bounded size:
 *
 *     write ─▶ waiting lines (bounded) ─▶ path ──full──▶ path.1 ─▶ path.2 ─▶ … ─▶ path.<keep>, removed
 *
 * Lines are appended in the background, so a slow disk delays nothing but the log. Lines that can't
 * be written, or that find no room among those that wait, are lost and counted; the next line that
 * can be written says how many.
 */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { ConnectorError, messageOf, systemCodeOf } from '../../errors.ts'
import type { LogFileOptions } from '../options.ts'
import type { LogOutput } from './logger.ts'

const MAX_WAITING_BYTES = 1024 * 1024
const MAX_WRITE_BYTES = 64 * 1024
/** Lines name topics and clients, so they are for the connector's user and its group. */
const MODE = 0o640

export class LogFile implements LogOutput {
  readonly #options: LogFileOptions
  readonly #waiting: string[] = []
  #waitingBytes = 0
  #lost = 0
  #file: FileHandle | undefined
  /** Of the open file. */
  #bytes = 0
  #mustReopen = false
  #isClosed = false
  #writing: Promise<void> | undefined

  constructor(options: LogFileOptions) {
    this.#options = options
  }

  get path(): string {
    return this.#options.path
  }

  /** @throws {ConnectorError} InvalidConfiguration if the file can't be written */
  async open(): Promise<void> {
    const problem = await problemOfLogFile(this.#options)
    if (problem !== undefined) throw problem
    this.#isClosed = false
    try {
      await this.#openFile()
    } catch (thrown) {
      throw notWritable(this.#options, messageOf(thrown), thrown)
    }
  }

  /** Never throws and never waits. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line)
    if (this.#isClosed || this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      this.#lost += 1
      return
    }
    this.#waiting.push(line)
    this.#waitingBytes += bytes
    this.#begin()
  }

  /** Opens the path again, because another program has moved the file away. */
  reopen(): void {
    this.#mustReopen = true
    this.#begin()
  }

  /** Resolves when every line is written or lost. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#writing
    await this.#closeFile()
  }

  #begin(): void {
    this.#writing ??= this.#writeWaiting().finally(() => {
      this.#writing = undefined
    })
  }

  async #writeWaiting(): Promise<void> {
    do {
      const lines = this.#take()
      try {
        if (this.#mustReopen) await this.#reopenFile()
        if (lines.length > 0) await this.#append(lines)
      } catch {
        // There is no other place to report it; the lines are counted.
        this.#lost += lines.length
        await this.#closeFile()
      }
    } while (this.#waiting.length > 0)
  }

  /** What is written with one call. */
  #take(): string[] {
    let count = 0
    let bytes = 0
    while (count < this.#waiting.length && bytes < MAX_WRITE_BYTES) {
      bytes += Buffer.byteLength(this.#waiting[count] ?? '')
      count += 1
    }
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, count)
  }

  async #append(lines: readonly string[]): Promise<void> {
    const lost = this.#lost
    const text = lost === 0 ? lines.join('') : `${lostLine(lost)}${lines.join('')}`
    const bytes = Buffer.from(text)
    if (this.#file === undefined) await this.#openFile()
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#options.maxBytes) await this.#rotate()
    const file = this.#file
    if (file === undefined) return
    try {
      await file.appendFile(bytes)
    } catch (error) {
      // The disk is full, say: no half line stays.
      await file.truncate(this.#bytes).catch(() => {})
      throw error
    }
    this.#bytes += bytes.length
    this.#lost -= lost
  }

  async #rotate(): Promise<void> {
    const { path, keep } = this.#options
    await this.#closeFile()
    for (let number = keep; number > 1; number -= 1) {
      await moved(`${path}.${number - 1}`, `${path}.${number}`)
    }
    if (keep > 0) await moved(path, `${path}.1`)
    else await rm(path, { force: true })
    await this.#openFile()
  }

  async #reopenFile(): Promise<void> {
    this.#mustReopen = false
    await this.#closeFile()
    await this.#openFile()
  }

  async #openFile(): Promise<void> {
    this.#file ??= await open(this.#options.path, 'a', MODE)
    this.#bytes = (await this.#file.stat()).size
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {})
  }
}

/** Why the file could not be a log; it is not opened, because a pipe would never open. */
export async function problemOfLogFile(
  options: LogFileOptions,
): Promise<ConnectorError | undefined> {
  try {
    const { isFile } = await kindOf(options.path)
    return isFile ? undefined : notWritable(options, 'it is not a file')
  } catch (thrown) {
    return notWritable(options, messageOf(thrown), thrown)
  }
}

async function kindOf(path: string): Promise<{ readonly isFile: boolean }> {
  try {
    return { isFile: (await stat(path)).isFile() }
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return { isFile: true }
    throw thrown
  }
}

function notWritable({ path }: LogFileOptions, why: string, cause?: unknown): ConnectorError {
  return new ConnectorError(
    'InvalidConfiguration',
    `log.file.path: expected a file that can be written, in a directory that is there, got ${path}: ${why}`,
    { cause },
  )
}

async function moved(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'ENOENT') throw thrown
  }
}

function lostLine(lost: number): string {
  const msg = 'log lines could not be written'
  const time = new Date().toISOString()
  return `${JSON.stringify({ level: 'warn', time, event: 'log_lines_lost', lost, msg })}\n`
}
