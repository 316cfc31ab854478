/**
 * Sessions and retained messages on disk: a journal of changes in one file, replaced by a new one
 * that begins with the state when it has grown. What is noted in one turn of the event loop, and
 * while a write is under way, goes in one write and one `fdatasync`.
 *
 * Nobody who waits for `durable` loses anything to `kill -9` or a power cut; who doesn't may lose
 * what was noted during the last write. While the disk can't be written the state lives in memory,
 * nobody waits, and every few seconds it is tried to write all of it anew.
 *
 *     <data>/sessions/journal           see journal-file.ts, session-change-format.ts
 *     <data>/sessions/journal.damaged   bytes that were found damaged, the latest
 *     <data>/sessions/journal.unreadable   a whole file that couldn't be read, the latest
 */
import type { Clock, Timer } from '../../../clock.ts'
import { asConnectorError, ConnectorError, messageOf } from '../../../errors.ts'
import type { PipelineObserver } from '../../../observer.ts'
import {
  type JournalContents,
  JournalFile,
  readJournal,
  setAside,
  setUnreadableAside,
} from './journal-file.ts'
import { KeptSessions } from './kept-sessions.ts'
import { SessionChangeReader, SessionChangeWriter } from './session-change-format.ts'
import type { SessionChange, SessionStore } from './session-store.ts'

/** Of all files below `sessions/`, damaged bytes apart. */
export const DEFAULT_SESSION_BYTES = 64 * 1024 * 1024
const DAMAGED_BYTES = 1024 * 1024
/** A smaller file is not worth replacing. */
const SMALL_BYTES = 1024 * 1024
/** A file is replaced when it is so many times what is kept. */
const GROWTH = 4
const RETRY_MS = 5_000
/** The name under which the observer hears of it. */
const NAME = 'sessions'

export interface SessionJournalOptions {
  /** Made when there is something to keep. */
  readonly directory: string
  /** Bytes of its files together. Three eighths of it can be kept; the rest is for changes. */
  readonly maxBytes?: number
  readonly clock: Clock
  readonly observer: PipelineObserver
}

export class SessionJournal implements SessionStore {
  readonly #options: SessionJournalOptions
  readonly #maxBytes: number
  #kept: KeptSessions
  #writer = new SessionChangeWriter()
  #file: JournalFile | undefined
  /** Encoded and not on disk. */
  #staged: Buffer[] = []
  #stagedBytes = 0
  #noted = 0
  #durable = 0
  /** What is on disk can't be gone on with: the state has to be written whole. */
  #mustReplace = true
  #isFailing = false
  #isClosed = false
  #immediate: NodeJS.Immediate | undefined
  #retry: Timer | undefined
  #writing: Promise<void> | undefined
  #moved: () => void = () => undefined

  constructor(options: SessionJournalOptions) {
    this.#options = options
    this.#maxBytes = options.maxBytes ?? DEFAULT_SESSION_BYTES
    this.#kept = new KeptSessions()
  }

  get noted(): number {
    return this.#noted
  }

  get durable(): number {
    return this.#isFailing ? Number.POSITIVE_INFINITY : this.#durable
  }

  listen(moved: () => void): void {
    this.#moved = moved
  }

  async open(): Promise<KeptSessions> {
    this.#isClosed = false
    this.#kept = new KeptSessions(this.#maxBytes * 0.375)
    try {
      await this.#read()
    } catch (error) {
      this.#report(error, 'reading')
      this.#mustReplace = true
    }
    return this.#kept
  }

  note(change: SessionChange): void {
    if (this.#isClosed) return
    const made = this.#kept.apply(change)
    if (made !== change && this.#lacksRoom(change)) this.#reportFull()
    if (made === undefined) return
    this.#noted++
    if (!this.#mustReplace) this.#stage(made)
    if (this.#isFailing || this.#writing !== undefined) return
    this.#immediate ??= setImmediate(() => this.#begin())
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#retry?.cancel()
    clearImmediate(this.#immediate)
    this.#immediate = undefined
    await this.#writing
    if (!this.#isFailing && this.#noted > this.#durable) await this.#write()
    await this.#file?.close()
    this.#file = undefined
    this.#mustReplace = true
  }

  async #read(): Promise<void> {
    const { directory } = this.#options
    const contents = await this.#contents()
    if (contents === undefined) return
    const reader = new SessionChangeReader()
    for (const body of contents.bodies) this.#replay(reader, body)
    if (contents.damaged.length === 0 && contents.end === contents.bytes) {
      this.#file = await JournalFile.open(directory, contents.end)
      this.#writer = new SessionChangeWriter(reader.messages)
      this.#mustReplace = false
      return
    }
    if (contents.damaged.length > 0) {
      const damaged = Buffer.concat(contents.damaged)
      this.#options.observer.damageFound(
        NAME,
        `${damaged.length} bytes of sessions/journal are damaged; some of what was kept for subscribers is lost`,
      )
      await setAside(directory, damaged, DAMAGED_BYTES)
    }
    await this.#replace()
  }

  /** Undefined when there is no file, or none that can be read: that one makes room for a new one. */
  async #contents(): Promise<JournalContents | undefined> {
    const { directory, observer } = this.#options
    try {
      return await readJournal(directory)
    } catch (error) {
      await setUnreadableAside(directory).catch(() => Promise.reject(error))
      observer.damageFound(
        NAME,
        `sessions/journal can't be read (${messageOf(error)}) and is now sessions/journal.unreadable; sessions and retained messages begin anew`,
      )
      return undefined
    }
  }

  #replay(reader: SessionChangeReader, body: Buffer | undefined): void {
    try {
      if (body === undefined) this.#kept.forgetReceivedIds()
      else for (const change of reader.decode(body)) this.#kept.apply(change)
    } catch (error) {
      // Its checksum is right, so another version wrote it.
      this.#options.observer.damageFound(NAME, `sessions/journal can't be understood: ${error}`)
    }
  }

  #stage(change: SessionChange): void {
    const bytes = this.#writer.encode(change)
    this.#staged.push(bytes)
    this.#stagedBytes += bytes.length
    if (this.#stagedBytes <= this.#maxBytes / 8) return
    // The disk is behind: the state says the same in fewer bytes.
    this.#mustReplace = true
    this.#dropStaged()
  }

  #dropStaged(): void {
    this.#staged = []
    this.#stagedBytes = 0
  }

  #begin(): void {
    this.#immediate = undefined
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined
      if (this.#noted > this.durable) this.#immediate ??= setImmediate(() => this.#begin())
    })
  }

  /** Writes until all that was noted is durable. Never rejects. */
  async #write(): Promise<void> {
    while (this.#noted > this.durable || this.#isFailing) {
      const noted = this.#noted
      try {
        await (this.#mustReplace || this.#isGrown ? this.#replace() : this.#append())
      } catch (error) {
        await this.#fail(error)
        return
      }
      this.#durable = noted
      if (this.#isFailing) {
        this.#isFailing = false
        this.#options.observer.storageRecovered()
      }
      this.#moved()
    }
  }

  get #isGrown(): boolean {
    const bytes = this.#file?.bytes ?? 0
    if (bytes > this.#maxBytes / 2) return true
    return bytes > SMALL_BYTES && bytes > GROWTH * this.#kept.bytes
  }

  async #append(): Promise<void> {
    const staged = this.#staged
    this.#dropStaged()
    await this.#file?.append(staged)
  }

  /** What is noted from here on belongs behind the state, in the new file. */
  async #replace(): Promise<void> {
    const before = this.#file
    this.#writer = new SessionChangeWriter()
    this.#dropStaged()
    this.#mustReplace = false
    const state = Array.from(this.#kept.changes(), (change) => this.#writer.encode(change))
    this.#file = await JournalFile.replace(this.#options.directory, state)
    await before?.close()
  }

  async #fail(error: unknown): Promise<void> {
    this.#isFailing = true
    this.#mustReplace = true
    this.#dropStaged()
    this.#report(error, 'writing')
    await this.#file?.close()
    this.#file = undefined
    this.#moved()
    if (this.#isClosed) return
    this.#retry = this.#options.clock.after(RETRY_MS, () => this.#begin())
  }

  #report(error: unknown, doing: string): void {
    const what = asConnectorError(error, 'StorageFailed', `${doing} sessions/journal`)
    this.#options.observer.storageFailed(NAME, what)
  }

  /** What was not made, or otherwise: whether for want of room, or because there is no such session. */
  #lacksRoom(change: SessionChange): boolean {
    if (change.kind === 'begun' || change.kind === 'retained') return true
    return 'clientId' in change && this.#kept.sessions.has(change.clientId)
  }

  #reportFull(): void {
    const message =
      `expected room below sessions/, but it holds ${this.#kept.bytes} bytes already; ` +
      'what comes in for subscribers now is in memory alone'
    this.#options.observer.storageFailed(NAME, new ConnectorError('StorageFailed', message))
  }
}
