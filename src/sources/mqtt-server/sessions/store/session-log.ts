/**
 * Keeps sessions and retained messages in a log of the connector's store, with one record for each
 * change. When the log has grown, the whole state is appended to it, session by session, and the
 * records before that are released:
 *
 *     … changes … │ session a │ session b │ change of a │ session c │ retained │ changes …
 *     released ───┘           the state of a session replaces all its changes before
 *
 * So the records from the last rewrite on always give the state. While records can't be stored, the
 * state stays in memory and no client waits; every few seconds the log tries to write all of it
 * again.
 */

import type { Clock, Timer } from '../../../../clock.ts'
import { asConnectorError, ConnectorError, messageOf } from '../../../../errors.ts'
import type { PipelineObserver } from '../../../../observer.ts'
import type { SourceLog } from '../../../source.ts'
import { NO_CYCLE } from '../../../source.ts'
import {
  type OldJournal,
  openOldJournal,
  removeOldJournal,
  setOldJournalAside,
} from './old-journal.ts'
import type { SessionChange } from './session-change.ts'
import { SessionChangeReader, SessionChangeWriter } from './session-change-format.ts'
import { changesOf } from './session-state.ts'
import { SessionStates } from './session-states.ts'
import type { SessionStore } from './session-store.ts'

/** The state may take this share of the log's bytes; the rest is for changes. */
const KEPT_SHARE = 3 / 8
/** A shorter log is not worth rewriting. */
const SMALL_BYTES = 64 * 1024
/** Bytes of the state that are written with one commit. */
const STEP_BYTES = 64 * 1024
const RETRY_MS = 5_000
const STATE_FULL = 'the state is at its limit'
const SHARE_SPENT = 'one client, one user or the retained messages have their share'
const LOG_FULL = 'storage accepts no more now'
/** Its name in reports to the observer. */
const NAME = 'sessions'

export interface SessionLogOptions {
  readonly log: SourceLog
  /** The directory of the file that an earlier version may have left. */
  readonly oldDirectory: string
  readonly clock: Clock
  readonly observer: PipelineObserver
}

/** A rewrite of the state that is under way. */
interface Rewriting {
  /** Where it begins. */
  readonly from: number
  /** The sessions and retained messages that are still to be written. */
  readonly parts: Iterator<Iterable<SessionChange>>
  /** Where it ends; undefined until all of it is appended. */
  end: number | undefined
  /** Bytes of the records since it began. */
  bytes: number
}

export class SessionLog implements SessionStore {
  readonly #options: SessionLogOptions
  readonly #log: SourceLog
  readonly #writer = new SessionChangeWriter()
  #kept = new SessionStates()
  #rewriting: Rewriting | undefined
  /** Bytes of the log after the last rewrite. */
  #stateBytes = 0
  /** The log lacks changes, so the state must be rewritten before further changes are appended. */
  #isBehind = false
  /** Storage has failed, and the state is not rewritten yet. */
  #hasFailed = false
  #isFullReported = false
  /** A file of an earlier version whose content is not in the log yet. */
  #oldJournal: OldJournal | undefined
  /** Records that can't be decoded, and why the first one can't. */
  #unreadable = 0
  #unreadableReason = ''
  #isClosed = false
  #retry: Timer | undefined

  constructor(options: SessionLogOptions) {
    this.#options = options
    this.#log = options.log
  }

  async open(): Promise<SessionStates> {
    this.#log.listen({
      committed: () => this.#committed(),
      discarded: () => {
        this.#hasFailed = true
        this.#fallBehind()
      },
    })
    this.#kept = new SessionStates(this.#log.reservedBytes * KEPT_SHARE)
    try {
      const old = await this.#openOldJournal()
      if (old === undefined) await this.#replay()
      else await this.#takeOver(old)
    } catch (error) {
      // Continue with what was read. Unread records may have released ids, so keep none of them.
      this.#kept.forgetReceivedIds()
      this.#report(error, 'reading sessions')
    }
    this.#kept.divide()
    return this.#kept
  }

  note(change: SessionChange): number {
    if (this.#isClosed) return NO_CYCLE
    const made = this.#kept.apply(change)
    if (made !== change && this.#lacksRoom(change)) {
      this.#reportFull(this.#kept.wasShareSpent ? SHARE_SPENT : STATE_FULL)
    }
    if (made === undefined || this.#isBehind) return NO_CYCLE
    const cycle = this.#append(made)
    if (this.#rewriting === undefined && this.#isGrown) this.#rewrite()
    return cycle
  }

  get isFailing(): boolean {
    return this.#hasFailed || !this.#log.isWritable
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#retry?.cancel()
    if (this.#isBehind) this.#rewrite()
    do await this.#log.flush()
    while (this.#rewriting !== undefined)
  }

  /** An earlier version's file, if there is one. */
  async #openOldJournal(): Promise<OldJournal | undefined> {
    const { oldDirectory } = this.#options
    try {
      return await openOldJournal(oldDirectory)
    } catch (error) {
      await setOldJournalAside(oldDirectory).catch(() => undefined)
      this.#reportDamage(
        `sessions/journal can't be read (${messageOf(error)}) and is now sessions/journal.unreadable; sessions and retained messages start empty`,
      )
      return undefined
    }
  }

  /**
   * Writes the content of the old file to the log and ignores what the log holds: an earlier start
   * did not finish this.
   */
  async #takeOver(old: OldJournal): Promise<void> {
    const reader = new SessionChangeReader()
    for await (const body of old.bodies()) this.#apply(reader, body)
    this.#reportUnreadable()
    if (old.isDamaged) {
      this.#kept.forgetReceivedIds()
      this.#reportDamage(
        `sessions/journal is damaged at byte ${old.position}: what was recorded before is kept, what was recorded after it is not read; the file is kept as sessions/journal.unreadable`,
      )
    }
    this.#oldJournal = old
    await this.#finishTakeOver(old)
  }

  /** As long as the old file exists, the next start reads it instead of the log. */
  async #finishTakeOver(old: OldJournal): Promise<void> {
    this.#rewrite()
    while (this.#rewriting !== undefined) await this.#log.flush()
    if (this.#isBehind) return
    try {
      if (old.isDamaged) await setOldJournalAside(this.#options.oldDirectory)
      else await removeOldJournal(this.#options.oldDirectory)
      this.#oldJournal = undefined
    } catch (error) {
      this.#report(error, 'removing sessions/journal')
      this.#fallBehind()
    }
  }

  async #replay(): Promise<void> {
    const reader = new SessionChangeReader()
    let gaps = 0
    for await (const record of this.#log.read()) {
      if (record === undefined) gaps += 1
      this.#apply(reader, record)
    }
    this.#writer.know(reader.messages)
    this.#reportUnreadable()
    if (gaps === 0) return
    this.#reportDamage('the session log is damaged; some sessions or retained messages are lost')
  }

  #apply(reader: SessionChangeReader, record: Buffer | undefined): void {
    try {
      if (record === undefined) this.#kept.forgetReceivedIds()
      else for (const change of reader.decode(record)) this.#kept.apply(change)
    } catch (error) {
      // The checksum is right, so another version or another program wrote the record.
      this.#unreadable++
      if (this.#unreadable === 1) this.#unreadableReason = messageOf(error)
    }
  }

  #reportUnreadable(): void {
    if (this.#unreadable === 0) return
    this.#reportDamage(
      `${this.#unreadable} records of sessions can't be read, the first because: ${this.#unreadableReason}`,
    )
  }

  #reportDamage(what: string): void {
    this.#options.observer.damageFound(NAME, what)
  }

  #append(change: SessionChange): number {
    const before = this.#log.bytes
    const cycle = this.#log.append(this.#writer.encode(change))
    if (cycle === undefined) {
      this.#hasFailed = !this.#log.isWritable
      this.#reportFull(LOG_FULL)
      this.#fallBehind()
      return NO_CYCLE
    }
    if (this.#rewriting !== undefined) this.#rewriting.bytes += this.#log.bytes - before
    return cycle
  }

  /** From here on the log lacks records. */
  #fallBehind(): void {
    this.#isBehind = true
    this.#rewriting = undefined
    if (this.#isClosed) return
    this.#retry ??= this.#options.clock.after(RETRY_MS, () => {
      this.#retry = undefined
      if (this.#oldJournal !== undefined) void this.#finishTakeOver(this.#oldJournal)
      else this.#rewrite()
    })
  }

  #rewrite(): void {
    this.#isBehind = false
    this.#writer.startOver()
    const parts = partsOf(this.#kept)
    this.#rewriting = { from: this.#log.end, parts, end: undefined, bytes: 0 }
    this.#writeOn(this.#rewriting)
  }

  /**
   * Appends the next parts of the state. A part is appended without a pause, so no change can come
   * between.
   */
  #writeOn(rewriting: Rewriting): void {
    const enough = rewriting.bytes + STEP_BYTES
    while (rewriting.bytes < enough) {
      const { value: part, done } = rewriting.parts.next()
      if (done === true) {
        rewriting.end = this.#log.end
        if (rewriting.end <= this.#log.durableEnd) this.#committed()
        return
      }
      for (const change of part) {
        this.#append(change)
        if (this.#isBehind) return
      }
    }
  }

  #committed(): void {
    const rewriting = this.#rewriting
    if (rewriting === undefined) return
    if (rewriting.end === undefined) {
      this.#writeOn(rewriting)
      return
    }
    if (this.#log.durableEnd < rewriting.end) return
    this.#rewriting = undefined
    this.#hasFailed = false
    this.#isFullReported = false
    this.#log.release(rewriting.from, rewriting.bytes)
    this.#stateBytes = rewriting.bytes
  }

  /** True at twice the size of the state, or earlier if otherwise no room is left to rewrite it. */
  get #isGrown(): boolean {
    const { bytes, reservedBytes } = this.#log
    const grown = Math.min(Math.max(2 * this.#kept.bytes, SMALL_BYTES), reservedBytes / 2)
    return bytes > Math.max(grown, 1.25 * this.#stateBytes)
  }

  #report(error: unknown, doing: string): void {
    this.#options.observer.storageFailed(NAME, asConnectorError(error, 'StorageFailed', doing))
  }

  /** Whether a change was not made for lack of room, and not because its session does not exist. */
  #lacksRoom(change: SessionChange): boolean {
    if (change.kind === 'begun' || change.kind === 'retained') return true
    if (!('clientId' in change)) return false
    return this.#kept.sessions.get(change.clientId, change.userName) !== undefined
  }

  #reportFull(why: string): void {
    if (this.#isFullReported) return
    this.#isFullReported = true
    const most = Math.floor(this.#log.reservedBytes * KEPT_SHARE)
    const message =
      `no room for sessions and retained messages: ${this.#kept.bytes} of ${most} bytes are in use, and ` +
      `${why}; new ones are kept in memory only`
    this.#options.observer.storageFailed(NAME, new ConnectorError('StorageFailed', message))
  }
}

/**
 * The whole state, in parts. Each part replaces all earlier records of the same session or topic.
 */
function* partsOf(kept: SessionStates): Generator<Iterable<SessionChange>> {
  for (const { clientId, userName } of [...kept.sessions.values()]) {
    const session = kept.sessions.get(clientId, userName)
    if (session !== undefined) yield changesOf(session)
  }
  for (const topic of [...kept.retained.keys()]) {
    const message = kept.retained.get(topic)
    if (message !== undefined) yield [{ kind: 'retained', message }]
  }
}
