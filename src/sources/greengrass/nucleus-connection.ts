/** What the bus needs of one connection to the nucleus. */

/** `topic` is undefined if the nucleus does not say it: classic before 2.6.0. */
export type OnMessage = (topic: string | undefined, payload: Buffer) => void

export interface OpenSubscription {
  /** The filter. No messages come after it. */
  close(): void
}

/** The buses that a nucleus connects a component to. */
export type Bus = 'local' | 'cloud'

export interface NucleusConnection {
  /** Nucleus lite ends subscriptions without saying so. */
  readonly isLite: boolean
  /**
   * Messages may come before it resolves.
   * @param onEnded the nucleus has ended the subscription
   * @throws {ConnectorError} NucleusRefused, NucleusUnavailable
   */
  subscribe(
    bus: Bus,
    filter: string,
    onMessage: OnMessage,
    onEnded: () => void,
  ): Promise<OpenSubscription>
  /**
   * Resolves when the nucleus has taken it, which says nothing about subscribers.
   * @throws {ConnectorError} NucleusRefused if the component may not publish there
   */
  publish(bus: Bus, topic: string, payload: Buffer): Promise<void>
}
