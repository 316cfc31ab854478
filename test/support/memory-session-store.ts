/** A session store whose medium is this object: what it was told is there for the next server. */
import { KeptSessions } from '../../src/sources/mqtt-server/session-store/kept-sessions.ts'
import type {
  SessionChange,
  SessionStore,
} from '../../src/sources/mqtt-server/session-store/session-store.ts'

export class MemorySessionStore implements SessionStore {
  readonly kept = new KeptSessions()
  noted = 0

  get durable(): number {
    return this.noted
  }

  async open(): Promise<KeptSessions> {
    return this.kept
  }

  note(change: SessionChange): void {
    if (this.kept.apply(change) !== undefined) this.noted++
  }

  listen(): void {}

  async close(): Promise<void> {}
}
