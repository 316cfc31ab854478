/**
 * Watches a running connector as an operator would: its receipts over MQTT, its ledger and health
 * over HTTP.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import type { Addresses } from './hosted-connector.ts'
import type { Oracle } from './oracle.ts'

const STATUS_TOPIC = 'iotanalytics/messages/put/status'
const EVERY_MS = 250
const CLOSE_PATIENCE_MS = 5_000

export interface LedgerRow {
  readonly channel: string
  readonly received: number
  readonly delivered: number
  readonly rejected: number
  readonly dropped: Readonly<Record<string, number>>
  readonly expired: number
  readonly waiting: number
  readonly inFlight: number
}

export interface HealthAnswer {
  readonly level: string
  readonly ready: boolean
  readonly storage: string
  readonly problems: readonly string[]
}

export class ConnectorWatch {
  readonly addresses: Addresses
  readonly #oracle: Oracle
  readonly #client: MqttClient | undefined
  readonly #timer: NodeJS.Timeout

  private constructor(addresses: Addresses, oracle: Oracle, client: MqttClient | undefined) {
    this.addresses = addresses
    this.#oracle = oracle
    this.#client = client
    client?.on('message', (_topic, payload) => this.#receipt(payload))
    client?.on('error', () => {})
    this.#timer = setInterval(() => void this.ledger().catch(() => {}), EVERY_MS)
  }

  static async start(addresses: Addresses, oracle: Oracle): Promise<ConnectorWatch> {
    const options = { reconnectPeriod: 0, connectTimeout: 10_000 }
    const client = await connectAsync(addresses.mqtt, options, false).catch(() => undefined)
    if (client !== undefined) {
      const cut = new Promise<void>((resolve) => client.once('close', () => resolve()))
      await Promise.race([cut, client.subscribeAsync(STATUS_TOPIC).catch(() => undefined)])
    }
    return new ConnectorWatch(addresses, oracle, client)
  }

  /** Call this after the connector has ended: it still reads the receipts sent until then. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    const client = this.#client
    if (client?.connected === true) {
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
      await Promise.race([closed, delay(CLOSE_PATIENCE_MS)])
    }
    client?.end(true)
  }

  /** The ledger's rows. They have to add up at every request. */
  async ledger(): Promise<readonly LedgerRow[]> {
    const answer = await this.#get('/ledger')
    const { channels }: { channels: readonly LedgerRow[] } = JSON.parse(await answer.text())
    for (const row of channels) {
      const dropped = Object.values(row.dropped).reduce((sum, count) => sum + count, 0)
      const { delivered, rejected, expired, waiting, inFlight } = row
      if (delivered + rejected + dropped + expired + waiting + inFlight !== row.received) {
        this.#oracle.violated(`the ledger does not add up: ${JSON.stringify(row)}`)
      }
    }
    return channels
  }

  async health(): Promise<HealthAnswer> {
    const answer = await this.#get('/health')
    return JSON.parse(await answer.text())
  }

  #get(path: string): Promise<Response> {
    return fetch(`${this.addresses.http}${path}`, { signal: AbortSignal.timeout(10_000) })
  }

  #receipt(payload: Buffer): void {
    const { id, response }: { id?: string; response: { error?: string } } = JSON.parse(
      payload.toString(),
    )
    if (id !== undefined && response.error !== undefined) this.#oracle.refused(id, response.error)
  }
}
