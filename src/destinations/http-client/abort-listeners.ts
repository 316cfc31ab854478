/**
 * Cancels exchanges when their caller's signal is aborted, with one listener for all that share a
 * signal. Node keeps listeners in a linked list, in which removed links still point to younger
 * ones: with a listener for each exchange, the garbage collector would keep all of them alive.
 */

export interface Cancellable {
  cancel(reason: unknown): void
}

export class AbortListeners {
  readonly #listeners = new Map<AbortSignal, SharedListener>()

  watch(signal: AbortSignal, exchange: Cancellable): void {
    let listener = this.#listeners.get(signal)
    if (listener === undefined) {
      listener = new SharedListener(signal)
      this.#listeners.set(signal, listener)
      signal.addEventListener('abort', listener)
    }
    listener.exchanges.push(exchange)
  }

  /** Removes the listener if this was the last exchange of the signal. */
  forget(signal: AbortSignal, exchange: Cancellable): void {
    const listener = this.#listeners.get(signal)
    if (listener === undefined) return
    listener.remove(exchange)
    if (listener.exchanges.length > 0) return
    this.#listeners.delete(signal)
    signal.removeEventListener('abort', listener)
  }
}

class SharedListener {
  /** An array, because a set that is added to and deleted from has the same kind of list inside. */
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
    // A copy, because each of them is removed while it is cancelled.
    for (const exchange of [...this.exchanges]) exchange.cancel(this.#signal.reason)
  }
}
