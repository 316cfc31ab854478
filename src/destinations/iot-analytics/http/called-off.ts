/**
 * Tells exchanges that their caller's signal was aborted, with one listener for all that share a
 * signal. A listener of its own for each is a link in a list of Node's: links that were taken out
 * still point to younger ones, and the garbage collector then carries all of them along.
 */

export interface Cancellable {
  calledOff(reason: unknown): void
}

export class CalledOff {
  readonly #listeners = new Map<AbortSignal, Listener>()

  watch(signal: AbortSignal, exchange: Cancellable): void {
    let listener = this.#listeners.get(signal)
    if (listener === undefined) {
      listener = new Listener(signal)
      this.#listeners.set(signal, listener)
      signal.addEventListener('abort', listener)
    }
    listener.exchanges.push(exchange)
  }

  /** Leaves no listener behind when it was the signal's last. */
  forget(signal: AbortSignal, exchange: Cancellable): void {
    const listener = this.#listeners.get(signal)
    if (listener === undefined) return
    listener.remove(exchange)
    if (listener.exchanges.length > 0) return
    this.#listeners.delete(signal)
    signal.removeEventListener('abort', listener)
  }
}

class Listener {
  /** An array: a set that is added to and deleted from grows the same kind of list inside. */
  readonly exchanges: Cancellable[] = []
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  remove(exchange: Cancellable): void {
    const at = this.exchanges.indexOf(exchange)
    if (at < 0) return
    const last = this.exchanges.pop()
    if (last !== undefined && last !== exchange) this.exchanges[at] = last
  }

  handleEvent(): void {
    // Each of them is removed meanwhile.
    for (const exchange of [...this.exchanges]) exchange.calledOff(this.#signal.reason)
  }
}
