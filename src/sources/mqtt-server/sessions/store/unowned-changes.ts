/**
 * Changes as earlier versions recorded them. They named a session by its client id alone; only
 * `connected` said which user it belongs to. At any time a client id had one session.
 */
import type { SessionChange } from './session-change.ts'

type ChangeOfSession = Extract<SessionChange, { clientId: string }>

export class UnownedChanges {
  /** By client id: whose session it is. */
  readonly #owners = new Map<string, string | undefined>()
  /** By client id: the last packet id of a session that has begun and whose user is not known. */
  readonly #begun = new Map<string, number>();

  /** The change with the user's name; none if it is not known whose session it concerns. */
  *owned(change: ChangeOfSession): Generator<SessionChange> {
    const { clientId } = change
    if (change.kind === 'begun') {
      this.#begun.set(clientId, change.lastPacketId)
      return
    }
    if (change.kind === 'connected') {
      yield* this.#begin(clientId, change.userName)
      yield change
      return
    }
    if (change.kind === 'ended') this.#begun.delete(clientId)
    if (this.#begun.has(clientId) || !this.#owners.has(clientId)) return
    yield { ...change, userName: this.#owners.get(clientId) }
    if (change.kind === 'ended') this.#owners.delete(clientId)
  }

  /** `begun` replaced the session that the client id had, also that of another user. */
  *#begin(clientId: string, userName: string | undefined): Generator<SessionChange> {
    const lastPacketId = this.#begun.get(clientId)
    if (lastPacketId === undefined) return
    this.#begun.delete(clientId)
    const owner = this.#owners.get(clientId)
    if (owner !== userName) yield { kind: 'ended', clientId, userName: owner }
    this.#owners.set(clientId, userName)
    yield { kind: 'begun', clientId, userName, lastPacketId }
  }
}
