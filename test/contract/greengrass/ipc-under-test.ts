/** A client of the nucleus's IPC, as the contract needs it. */
import type { TestContext } from 'node:test'
import type { Content } from '../../support/greengrass/nucleus-server.ts'

export interface TopicMessage {
  readonly topic: string
  readonly content: Content
}

export interface Subscribed {
  /** Ends the stream, and tells the nucleus so. */
  close(): Promise<void>
}

export interface TopicFilter {
  readonly topic: string
  readonly receiveMode?: 'RECEIVE_ALL_MESSAGES' | 'RECEIVE_MESSAGES_FROM_OTHERS'
}

export interface ConfigurationKey {
  readonly keyPath: readonly string[]
  readonly componentName?: string
}

export interface ValidityReport {
  readonly deploymentId: string
  readonly status: 'ACCEPTED' | 'REJECTED'
  readonly message?: string
}

/** One connection. An operation rejects when the nucleus answers with an error. */
export interface IpcClient {
  readonly topics: {
    subscribe(filter: TopicFilter, take: (message: TopicMessage) => void): Promise<Subscribed>
    publish(topic: string, content: Content): Promise<void>
  }
  readonly cloud: {
    subscribe(filter: string, take: (topic: string, payload: Buffer) => void): Promise<Subscribed>
    publish(topic: string, payload: Buffer): Promise<void>
  }
  readonly configuration: {
    get(key: ConfigurationKey): Promise<{ componentName: string; value: unknown }>
    /** @param take gets the key path that changed */
    subscribe(
      key: ConfigurationKey,
      take: (keyPath: readonly string[]) => void,
    ): Promise<Subscribed>
    validate(take: (deploymentId: string, proposed: unknown) => void): Promise<Subscribed>
    report(report: ValidityReport): Promise<void>
  }
  updateState(state: 'RUNNING' | 'ERRORED'): Promise<void>
  /** Resolves when the connection has ended, on whichever side. */
  readonly disconnected: Promise<void>
  close(): Promise<void>
}

export interface IpcUnderTest {
  readonly name: string
  /**
   * Connects, and closes the client after the test.
   * @throws when the nucleus does not accept the token
   */
  connect(t: TestContext, socketPath: string, token: string): Promise<IpcClient>
  /** An error is the nucleus's answer; otherwise, the connection's end or a fault of the client. */
  isAnswer(error: unknown): boolean
  /** The code of such an answer; absent in a client that does not show it. */
  codeOf?(error: unknown): string | undefined

  /** Takes events of a subscription that come before its answer. */
  readonly takesEarlyEvents: boolean
  /** Rejects a request whose connection ends before the answer. */
  readonly settlesLostRequests: boolean
}
