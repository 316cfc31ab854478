/**
 * Retained messages on their way to one client, for its new subscriptions: in the order of the
 * subscriptions, as fast as the client takes them, and a bounded number in a turn.
 */
import type { Link } from './link.ts'

export interface Replay {
  /** Does the work of one turn. `full`: the session has no room for the next message. */
  proceed(): 'done' | 'more' | 'full'
}

export class Replays {
  #waiting: Replay[] = []
  /** A replay is at work, or is about to be in the next turn. */
  #isBusy = false

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  add(replay: Replay): void {
    this.#waiting.push(replay)
  }

  /** One turn's work of the first replay. If the session is full, call again when it is not. */
  proceed(link: Link): void {
    const [replay] = this.#waiting
    if (replay === undefined || this.#isBusy) return
    this.#isBusy = true
    const state = replay.proceed()
    this.#isBusy = false
    if (state === 'done') this.#waiting.shift()
    if (state === 'full' || this.isEmpty) return
    this.#isBusy = true
    link.nextTurn(() => {
      this.#isBusy = false
      this.proceed(link)
    })
  }

  /** The connection has ended. */
  clear(): void {
    this.#waiting = []
    this.#isBusy = false
  }
}
