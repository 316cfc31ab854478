/** What one server reports to the observer, under the server's own name. */
import type { Refusal } from '../../../message.ts'
import type { CountedDurations, PipelineObserver, RefusedClient } from '../../../observer.ts'
import type { BeyondLimits } from '../sessions/restore-sessions.ts'

export class ServerReports {
  readonly #observer: PipelineObserver
  readonly #source: string

  constructor(observer: PipelineObserver, source: string) {
    this.#observer = observer
    this.#source = source
  }

  clientConnected(clientId: string): void {
    this.#observer.clientConnected(this.#source, clientId)
  }

  clientDisconnected(clientId: string, reason: string): void {
    this.#observer.clientDisconnected(this.#source, clientId, reason)
  }

  clientRefused(remote: string, reason: string, client?: RefusedClient): void {
    this.#observer.clientRefused(this.#source, remote, reason, client)
  }

  clientSentAway(clientId: string, { error, message }: Refusal): void {
    this.#observer.clientSentAway(this.#source, clientId, error, message)
  }

  messageWithheld({ error, message }: Refusal): void {
    this.#observer.messageWithheld(this.#source, error, message)
  }

  /** The message had no channel: it was refused or dropped before it reached one. */
  messageDropped({ error, message }: Refusal): void {
    this.#observer.messageDropped(undefined, error, message)
  }

  /** What is in the store and not in use, because the limits do not allow it. */
  notRestored({ subscriptions, retained }: BeyondLimits): void {
    if (subscriptions === 0 && retained === 0) return
    this.#observer.damageFound(
      'sessions',
      `${subscriptions} subscriptions and ${retained} retained messages of earlier runs exceed the limits, and were not restored`,
    )
  }

  acknowledged(waited: CountedDurations): void {
    this.#observer.acknowledged(this.#source, waited)
  }

  receiptsDropped(count: number): void {
    this.#observer.receiptsDropped(this.#source, count)
  }
}
