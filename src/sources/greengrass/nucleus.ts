/**
 * The nucleus that has started this process as a component: its connection, kept up by the IPC client,
 * and the bus whose subscriptions are made on it.
 */
import type { Clock } from '../../clock.ts'
import { ConnectorError } from '../../errors.ts'
import type { IpcCaller } from '../../greengrass/ipc/caller.ts'
import { IpcClient } from '../../greengrass/ipc/client.ts'
import { IpcError } from '../../greengrass/ipc/ipc-error.ts'
import { getConfiguration } from '../../greengrass/ipc/operations.ts'
import { connectionOver } from './ipc-connection.ts'
import { type Environment, nucleusAddress, replaceToken } from './nucleus-address.ts'
import { NucleusBus } from './nucleus-bus.ts'

export interface NucleusOptions {
  readonly component: string | undefined
  /** The nucleus's variables. A token that has changed is put back into it. */
  readonly environment: Environment
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
  /** On each connection, once it is known which nucleus it is. */
  readonly onConnected?: (ipc: IpcCaller, isLite: boolean) => void
  /** There will be no further attempt: only a new process gets a valid token. */
  readonly onGaveUp?: (error: ConnectorError) => void
}

/** Every nucleus lite has a configuration with this name, and no classic nucleus has one. */
const LITE = 'aws.greengrass.NucleusLite'
/**
 * Nucleus lite ends a connection on which a request of more than 10,000 bytes comes. The event that it
 * sends to subscribers is up to 48 bytes longer than the request, and if that exceeds 10,000 bytes it
 * silently ends all their subscriptions instead.
 */
const LITE_FRAME_BYTES = 9_950
/** A nucleus that hangs does not answer, and kills the process soon after it has asked for the end. */
const CLOSE_TIMEOUT_MS = 500

export class Nucleus {
  readonly bus: NucleusBus
  readonly #options: NucleusOptions
  readonly #client: IpcClient
  #lastDelayMs = 0

  /** @throws {ConnectorError} InvalidConfiguration if no nucleus has started this process */
  constructor(options: NucleusOptions) {
    const { component, environment, clock, random } = options
    this.#options = options
    this.bus = new NucleusBus({ clock, random })
    this.#client = new IpcClient({
      ...nucleusAddress(environment),
      ...(component === undefined ? {} : { componentName: component }),
      clock,
      random,
      events: {
        connected: () => void this.#connected(),
        disconnected: (error) => this.bus.down(unavailable(error), this.#lastDelayMs),
        attemptFailed: (error, retryInMs) => {
          this.#lastDelayMs = retryInMs
          this.bus.down(unavailable(error), retryInMs)
        },
        tokenChanged: (token) => replaceToken(environment, token),
        dropped: (reason) => this.bus.inbox.addUnread(reason),
        gaveUp: (error) => this.#gaveUp(error),
      },
    })
  }

  get ipc(): IpcCaller {
    return this.#client
  }

  /**
   * Resolves with the first connection.
   * @throws {ConnectorError} NucleusUnavailable if there is none within a minute
   */
  async start(): Promise<void> {
    try {
      await this.#client.start()
    } catch (thrown) {
      throw unavailable(thrown)
    }
  }

  async close(): Promise<void> {
    this.bus.close()
    const timer = this.#options.clock.after(CLOSE_TIMEOUT_MS, () => this.#client.abort())
    await this.#client.stop()
    timer.cancel()
  }

  async #connected(): Promise<void> {
    const isLite = await this.#asksLite()
    if (isLite === undefined) return
    if (isLite) this.#client.limitFrames(LITE_FRAME_BYTES)
    this.bus.up(connectionOver(this.#client, isLite))
    this.#options.onConnected?.(this.#client, isLite)
  }

  /** Undefined if the connection ends meanwhile: then there will be another one. */
  async #asksLite(): Promise<boolean | undefined> {
    try {
      await getConfiguration(this.#client, { componentName: LITE, keyPath: [] })
      return true
    } catch (thrown) {
      if (!(thrown instanceof IpcError)) throw thrown
      if (thrown.isAnswer) return false
      // A nucleus that is slow may keep the connection, which is of no use until this is known.
      return thrown.code === 'DeadlineExceeded' ? this.#asksLite() : undefined
    }
  }

  #gaveUp(error: IpcError): void {
    const failure = unavailable(error)
    this.bus.down(failure, Number.POSITIVE_INFINITY)
    this.#options.onGaveUp?.(failure)
  }
}

function unavailable(thrown: unknown): ConnectorError {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new ConnectorError('NucleusUnavailable', message, { cause: thrown })
}
