/** What a test has planned for the next answers and events of a server. */
type Action = () => unknown

export class Faults {
  readonly #actions = new Map<string, Action[]>()
  #torn = 0

  /** Runs the action before the next answer to this operation; the answer waits for it. */
  beforeAnswer(operation: string, action: Action): void {
    this.#actions.set(operation, [...(this.#actions.get(operation) ?? []), action])
  }

  /** The action of the answer that is about to be sent, if there is one. */
  actionBefore(operation: string): Action | undefined {
    return this.#actions.get(operation)?.shift()
  }

  tearNextEvent(): void {
    this.#torn++
  }

  /** The part of an event's bytes that is written. */
  writtenOf(event: Buffer): Buffer {
    if (this.#torn === 0) return event
    this.#torn--
    return event.subarray(0, event.length >> 1)
  }
}
