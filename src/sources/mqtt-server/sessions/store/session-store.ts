/**
 * What keeps sessions and retained messages beyond the process. The broker tells it of every
 * change to what has to be kept, in order, and gets all of it back at the next start.
 *
 * A change is durable with a commit cycle of the intake's, so that whoever acknowledges a message waits
 * for one cycle and no more. Only sessions that outlive their connection are told of, and retained
 * messages: where there are neither, the store is never called after `open`.
 */
import type { PersistedMessage } from '../../topics/persisted-message.ts'
import type { SessionChange } from './session-change.ts'
import type { SessionState } from './session-state.ts'

/** All that is kept. */
export interface StoredState {
  /** By client id. */
  readonly sessions: ReadonlyMap<string, SessionState>
  /** By topic. */
  readonly retained: ReadonlyMap<string, PersistedMessage>
}

export interface SessionStore {
  /**
   * What is kept, as it was left. Valid until the first change is noted. Never rejects: what can't
   * be read is reported, and the server starts without it.
   */
  open(): Promise<StoredState>
  /**
   * Takes one change. Returns the commit cycle it is durable with, or `NO_CYCLE` when nobody has to wait
   * for it: it changed nothing, or it can't be stored now. Then it is in memory alone, which is reported,
   * and stored later. Never throws.
   */
  note(change: SessionChange): number
  /** Resolves when all that was noted is durable, or can't be. */
  close(): Promise<void>
}
