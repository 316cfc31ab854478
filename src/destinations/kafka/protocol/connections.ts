/** Connections to brokers: one for each, made when it is needed, and dropped when it hangs. */

import { type ConnectionPeer, peerAt } from '../../../connection-errors/peer.ts'
import { ConnectorError } from '../../../errors.ts'
import { readNamedSecret } from '../../../named-files/named-file.ts'
import { TlsFiles } from '../../../named-files/tls-files.ts'
import { VERSION } from '../../../version.ts'
import type { KafkaOptions } from '../options.ts'
import { asKafkaError, KafkaError } from './errors.ts'
import type { KafkaConnection, KafkaLibrary } from './library.ts'

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

export interface ConnectionsOptions {
  readonly library: KafkaLibrary
  readonly clientId: string
  readonly place: string
  readonly options: KafkaOptions
}

interface VersionRange {
  readonly minVersion: number
  readonly maxVersion: number
}

const MAX_CONNECT_MS = 10_000
const CLIENT_NAME = 'iot-analytics-connector'

export class Broker {
  readonly connection: KafkaConnection
  readonly address: string
  readonly #versions: ReadonlyMap<string, VersionRange>

  constructor(
    connection: KafkaConnection,
    address: string,
    versions: ReadonlyMap<string, VersionRange>,
  ) {
    this.connection = connection
    this.address = address
    this.#versions = versions
  }

  /** The newest of some codecs that the broker understands. */
  newest<Codec extends { readonly api: { readonly version: number } }>(
    api: string,
    codecs: readonly Codec[],
  ): Codec {
    const range = this.#versions.get(api)
    const found = codecs.find(
      ({ api: { version } }) =>
        range !== undefined && version >= range.minVersion && version <= range.maxVersion,
    )
    if (found !== undefined) return found
    const offered =
      range === undefined ? 'does not have' : `has ${range.minVersion} to ${range.maxVersion} of`
    const text = `${this.address} ${offered} the request ${api}; Kafka 2.8 or later is needed`
    throw new KafkaError('retry', text)
  }
}

export class Connections {
  readonly peer: ConnectionPeer
  readonly #settings: ConnectionsOptions
  readonly #tls: TlsFiles | undefined
  readonly #brokers = new Map<string, Promise<Broker>>()
  readonly #open = new Set<KafkaConnection>()
  /** Then a connection that is closed says nothing about the settings. */
  #hasAnswered = false

  constructor(settings: ConnectionsOptions) {
    this.#settings = settings
    const { place, options } = settings
    this.peer = peerAt('broker', `${place}.tls`, `${place}.brokers`)
    if (options.tls !== undefined) this.#tls = new TlsFiles(options.tls, { place: `${place}.tls` })
  }

  /**
   * @throws {ConnectorError} with effect `retry`; nothing has been sent then
   */
  async to(address: BrokerAddress, signal: AbortSignal): Promise<Broker> {
    const key = `${address.host}:${address.port}`
    let broker = this.#brokers.get(key)
    if (broker === undefined) {
      broker = this.#connect(address, key)
      this.#brokers.set(key, broker)
      broker.catch(() => this.#forget(key, broker))
    }
    try {
      return await untilAborted(broker, signal)
    } catch (thrown) {
      // A connection that hangs while it is made must not be waited for again.
      this.#forget(key, broker)
      throw thrown
    }
  }

  /**
   * @param call makes one request; a connection whose request is given up can't be used any more
   * @throws {ConnectorError} with effect `retry`; the request may have been carried out
   */
  async request<Answer>(
    broker: Broker,
    signal: AbortSignal,
    call: (broker: Broker) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      const answer = await untilAborted(call(broker), signal)
      this.#hasAnswered = true
      return answer
    } catch (thrown) {
      if (signal.aborted || !isAnswer(thrown)) this.#drop(broker.connection)
      throw thrown
    }
  }

  asError(thrown: unknown, doing: string): ConnectorError {
    if (thrown instanceof ConnectorError) return thrown
    const error = asKafkaError(thrown, doing, this.peer)
    const advice = this.#hasAnswered ? '' : adviceOnClosed(error.message, this.#settings)
    if (advice === '') return error
    return new KafkaError('retry', `${error.message}${advice}`, undefined, thrown)
  }

  /**
   * Reads the files that settings name.
   * @throws {ConnectorError} InvalidConfiguration
   */
  async check(): Promise<void> {
    await this.#tls?.contents()
    await this.#password()
  }

  close(): void {
    for (const connection of this.#open) this.#drop(connection)
    this.#brokers.clear()
  }

  async #connect({ host, port }: BrokerAddress, address: string): Promise<Broker> {
    const { library, clientId, options } = this.#settings
    const connectTimeout = Math.min(MAX_CONNECT_MS, options.timeout)
    const { sasl, tls } = options
    const password = await this.#password()
    const contents = await this.#tls?.contents()
    const connection = new library.Connection(clientId, {
      connectTimeout,
      // Requests are given up by their signal, which is earlier.
      requestTimeout: options.timeout * 2,
      ...(contents !== undefined && {
        tls: { ...contents, ...(tls?.servername !== undefined && { servername: tls.servername }) },
      }),
      ...(sasl !== undefined && {
        sasl: {
          mechanism: sasl.mechanism,
          username: sasl.username,
          ...(password !== undefined && { password }),
        },
      }),
    })
    this.#open.add(connection)
    const forget = () => {
      this.#open.delete(connection)
      this.#brokers.delete(address)
    }
    connection.on('error', forget)
    connection.on('close', forget)
    try {
      await connection.connect(host, port)
      const { apiKeys } = await library.apiVersionsV3.api.async(connection, CLIENT_NAME, VERSION)
      return new Broker(connection, address, new Map(apiKeys.map((api) => [api.name, api])))
    } catch (thrown) {
      this.#drop(connection)
      throw this.asError(thrown, `connecting to ${address}`)
    }
  }

  async #password(): Promise<string | undefined> {
    const { options, place } = this.#settings
    const path = options.sasl?.passwordFile
    if (path === undefined) return options.sasl?.password
    return await readNamedSecret(path, `${place}.sasl.passwordFile`)
  }

  #forget(key: string, broker: Promise<Broker> | undefined): void {
    if (this.#brokers.get(key) === broker) this.#brokers.delete(key)
  }

  #drop(connection: KafkaConnection): void {
    const isReady = connection.isConnected()
    connection.socket?.destroy()
    // While it connects nobody listens for the end of the socket, only for errors.
    if (!isReady) connection.emit('error', new Error('the connection was given up'))
  }
}

/** Brokers don't say why they close a connection that they did not expect. */
const CLOSED = /connection closed|socket disconnected|ECONNRESET/i

function adviceOnClosed(message: string, { place, options }: ConnectionsOptions): string {
  if (!CLOSED.test(message)) return ''
  const { tls, sasl } = options
  if (/before secure TLS/.test(message)) {
    return `. The broker may not speak TLS: check whether ${place}.brokers is right, and whether it needs ${place}.tls`
  }
  if (tls === undefined) {
    const login = sasl === undefined ? `, or a login: set ${place}.sasl` : ''
    return `. The broker may ask for TLS: set ${place}.tls${login}`
  }
  return sasl === undefined ? `. The broker may ask for a login: set ${place}.sasl` : ''
}

/** Whether the broker has answered, even if with an error. */
function isAnswer(thrown: unknown): boolean {
  return thrown instanceof Error && Reflect.get(thrown, 'code') === 'PLT_KFK_RESPONSE'
}

/** Rejects with the signal's reason as soon as it is aborted. */
export async function untilAborted<Result>(
  promise: Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  signal.throwIfAborted()
  let onAbort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
