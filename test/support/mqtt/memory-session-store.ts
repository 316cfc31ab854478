/** A session store whose medium is this object: the next server finds the changes noted in it. */
import type { SessionChange } from '../../../src/sources/mqtt-server/sessions/store/session-change.ts'
import { SessionStates } from '../../../src/sources/mqtt-server/sessions/store/session-states.ts'
import type { SessionStore } from '../../../src/sources/mqtt-server/sessions/store/session-store.ts'
import { NO_CYCLE } from '../../../src/sources/source.ts'

export class MemorySessionStore implements SessionStore {
  readonly kept = new SessionStates()
  isFailing = false
  readonly #openCycle: () => number

  /**
   * `openCycle`: the commit cycle that makes changes durable. Default: they are durable at once.
   */
  constructor(openCycle: () => number = () => NO_CYCLE) {
    this.#openCycle = openCycle
  }

  async open(): Promise<SessionStates> {
    return this.kept
  }

  note(change: SessionChange): number {
    return this.kept.apply(change) === undefined ? NO_CYCLE : this.#openCycle()
  }

  async close(): Promise<void> {}
}
