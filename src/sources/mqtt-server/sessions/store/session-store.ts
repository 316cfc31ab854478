/**
 * Keeps sessions and retained messages across restarts. The broker passes every change to it, in
 * order, and gets the resulting state back at the next start.
 *
 * A change is durable with a commit cycle of the intake, so an acknowledgement waits for one cycle
 * and no more. Only retained messages, and sessions that outlive their connection, are passed on:
 * without either, the store is never called after `open`.
 */
import type { PersistedMessage } from '../../topics/persisted-message.ts'
import type { SessionChange } from './session-change.ts'
import type { SessionState } from './session-state.ts'
import type { SessionsByName } from './sessions-by-name.ts'

/** Everything the store keeps. */
export interface StoredState {
  readonly sessions: Pick<SessionsByName<SessionState>, 'get' | 'size' | 'values'>
  /** Keyed by topic. */
  readonly retained: ReadonlyMap<string, PersistedMessage>
}

export interface SessionStore {
  /**
   * Reads the state of the last run. Valid until the first change is noted. Never rejects: the
   * store reports records it can't read, and the server starts without them.
   */
  open(): Promise<StoredState>
  /**
   * Takes one change. Returns the commit cycle it is durable with, or `NO_CYCLE` if nothing has to
   * wait for it: it changed nothing, or it can't be stored now. In that case it stays in memory, is
   * reported, and is stored later. Never throws.
   */
  note(change: SessionChange): number
  /**
   * Whether storage fails, from the first failure until everything noted is stored again: a message
   * that waits for a session would be lost if the process ended.
   */
  readonly isFailing: boolean
  /** Resolves when every noted change is durable or can't be stored. */
  close(): Promise<void>
}
