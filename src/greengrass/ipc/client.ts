/**
 * A connection to the nucleus that is made again whenever it ends. The nucleus forgets all
 * subscriptions with a connection, so `connected` is the place to make them.
 *
 *     start ─▶ connecting ──accepted──▶ connected ──ended, or ids used up──┐
 *                ▲  └──failed──▶ waiting (0.1 to 5 s) ─┐                    │
 *                └─────────────────────────────────────┴────────────────────┘
 *
 * Nucleus lite accepts a token no more once its IPC daemon has restarted. A login by component name
 * then returns a new one. If the logins are refused for a minute, or the first connection does not
 * come about in that time, the client gives up: only a new process gets a valid token.
 */
import type {
  EventHandler,
  IpcCaller,
  IpcClock,
  IpcTimer,
  JsonObject,
  Subscription,
} from './caller.ts'
import { type Acceptance, type DropReason, IpcConnection } from './connection.ts'
import { IpcError } from './ipc-error.ts'
import type { Login } from './message.ts'
import { MAX_DELAY_MS, retryDelayMs } from './retry-delay.ts'

export interface IpcClientOptions {
  /** An absolute path: the nucleus may name a relative one, from where the process started. */
  readonly socketPath: string
  readonly authToken: string
  /** For a login by name if the token is refused. */
  readonly componentName?: string
  readonly clock: IpcClock
  /** Returns a number in [0, 1). */
  readonly random: () => number
  readonly operationDeadlineMs?: number
  /** For tests of what happens when the numbers run out. */
  readonly firstStreamId?: number
  readonly events: IpcClientEvents
}

/** None of these may throw. */
export interface IpcClientEvents {
  /** For the first time or again: there are no subscriptions yet. */
  connected(): void
  /** The operations under way have failed, and all subscriptions are over. */
  disconnected(error: IpcError): void
  attemptFailed(error: IpcError, retryInMs: number): void
  /** The token that the process started with is not valid any more; this one is. */
  tokenChanged(authToken: string): void
  /** A frame was not handed over, because of its length or its form. */
  dropped(reason: DropReason): void
  /** There will be no further attempt. `start` throws the same error if it still waits. */
  gaveUp(error: IpcError): void
}

const OPERATION_DEADLINE_MS = 10_000
const GIVES_UP_AFTER_MS = 60_000
/** The bound of the classic nucleus. */
const MAX_FRAME_BYTES = 24 * 1024 * 1024

export class IpcClient implements IpcCaller {
  readonly #options: IpcClientOptions
  #authToken: string
  #maxFrameBytes = MAX_FRAME_BYTES
  #connection: IpcConnection | undefined
  /** Whether `connected` was reported, and `disconnected` was not yet. */
  #isConnected = false
  #connectedAt = 0
  #attempt = 0
  #retryTimer: IpcTimer | undefined
  /** When the logins began to be refused, or the first connection began to be attempted. */
  #failingSince: number | undefined
  #isTokenRefused = false
  #isNameRefused = false
  #wasConnected = false
  #isStopped = false
  #started: { resolve: () => void; reject: (error: IpcError) => void } | undefined

  constructor(options: IpcClientOptions) {
    this.#options = options
    this.#authToken = options.authToken
  }

  /**
   * Resolves when the first connection is accepted. To be called once.
   * @throws {IpcError} if that fails for a minute, or `stop` is called meanwhile
   */
  start(): Promise<void> {
    this.#failingSince = this.#options.clock.monotonic()
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject }
      void this.#connect()
    })
  }

  /** Waits for the operations under way. `abort` may follow. */
  async stop(): Promise<void> {
    this.#halt()
    await this.#connection?.close()
  }

  /** Ends the connection at once. */
  abort(): void {
    this.#halt()
    this.#connection?.abort()
  }

  /** Longer frames are refused here. Nucleus lite ends a connection on which one comes. */
  limitFrames(maxBytes: number): void {
    this.#maxFrameBytes = maxBytes
  }

  async request(operation: string, payload: JsonObject): Promise<JsonObject> {
    const response = this.#connectionFor(operation).request(operation, payload)
    this.#replaceIfUsedUp()
    return await response
  }

  async subscribe(
    operation: string,
    payload: JsonObject,
    handler: EventHandler,
  ): Promise<Subscription> {
    const subscription = this.#connectionFor(operation).subscribe(operation, payload, handler)
    this.#replaceIfUsedUp()
    return await subscription
  }

  #connectionFor(operation: string): IpcConnection {
    if (this.#connection?.isOpen !== true) {
      throw new IpcError('NotConnected', `${operation}: not connected to the nucleus`)
    }
    return this.#connection
  }

  async #connect(): Promise<void> {
    const { socketPath, clock, operationDeadlineMs, firstStreamId, events } = this.#options
    const login = this.#login()
    const connection = new IpcConnection({
      socketPath,
      login,
      clock,
      operationDeadlineMs: operationDeadlineMs ?? OPERATION_DEADLINE_MS,
      maxSentFrameBytes: () => this.#maxFrameBytes,
      // Only the first connection of a test begins with it.
      ...(firstStreamId === undefined || this.#wasConnected ? {} : { firstStreamId }),
      dropped: (reason) => events.dropped(reason),
      ended: (error) => this.#lost(error, login),
    })
    this.#connection = connection
    try {
      const acceptance = await connection.open()
      // Otherwise `ended` has been called in the same turn.
      if (connection.isOpen && !this.#isStopped) this.#accepted(acceptance)
    } catch (error) {
      if (!(error instanceof IpcError)) throw error
      if (!this.#isStopped) this.#failed(error, login)
    }
  }

  #login(): Login {
    const { componentName } = this.#options
    return this.#isTokenRefused && !this.#isNameRefused && componentName !== undefined
      ? { componentName }
      : { authToken: this.#authToken }
  }

  #accepted({ authToken }: Acceptance): void {
    const { clock, events } = this.#options
    this.#connectedAt = clock.monotonic()
    this.#failingSince = undefined
    this.#isTokenRefused = false
    this.#isNameRefused = false
    this.#isConnected = true
    this.#wasConnected = true
    if (authToken !== undefined) {
      this.#authToken = authToken
      events.tokenChanged(authToken)
    }
    events.connected()
    this.#started?.resolve()
    this.#started = undefined
  }

  #failed(error: IpcError, login: Login): void {
    const now = this.#options.clock.monotonic()
    if (error.code === 'NotAccepted') {
      this.#failingSince ??= now
      if ('componentName' in login) this.#isNameRefused = true
      else this.#isTokenRefused = true
    } else if (this.#wasConnected) {
      // The nucleus restarts: it may accept the login once it is there.
      this.#failingSince = undefined
    }
    const failingMs = now - (this.#failingSince ?? now)
    if (failingMs >= GIVES_UP_AFTER_MS) this.#giveUp(error)
    else this.#options.events.attemptFailed(error, this.#retry())
  }

  #giveUp({ code, message, cause }: IpcError): void {
    const advice = 'gave up after 60 s. Let the nucleus start the component again'
    const error = new IpcError(code, `${message}; ${advice}`, { cause })
    this.#halt(error)
    this.#options.events.gaveUp(error)
  }

  #lost(error: IpcError, login: Login): void {
    if (this.#isStopped) return
    // The connection ended in the turn in which it was accepted.
    if (!this.#isConnected) {
      this.#failed(error, login)
      return
    }
    this.#isConnected = false
    // A nucleus that accepts and closes at once must not be asked ten times a second.
    const { clock, events } = this.#options
    if (clock.monotonic() - this.#connectedAt >= MAX_DELAY_MS) this.#attempt = 0
    this.#retry()
    events.disconnected(error)
  }

  #retry(): number {
    const delayMs = retryDelayMs(this.#attempt++, this.#options.random())
    this.#retryTimer = this.#options.clock.after(delayMs, () => void this.#connect())
    return delayMs
  }

  /** The old connection closes first: a component may have only one of some subscriptions. */
  #replaceIfUsedUp(): void {
    const connection = this.#connection
    if (connection?.isUsedUp !== true || !connection.isOpen) return
    void connection.close().then(() => {
      if (this.#isStopped) return
      this.#isConnected = false
      const message = 'the stream ids of the connection are used up'
      this.#options.events.disconnected(new IpcError('StreamIdsUsedUp', message))
      return this.#connect()
    })
  }

  #halt(error = new IpcError('NotConnected', 'the client was stopped')): void {
    this.#isStopped = true
    this.#retryTimer?.cancel()
    this.#started?.reject(error)
    this.#started = undefined
  }
}
