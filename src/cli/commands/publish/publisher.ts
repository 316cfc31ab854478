/** Publishes messages over one MQTT 5 connection, with a bounded rate and number in flight. */

import { setTimeout as delay } from 'node:timers/promises'
import type { IClientOptions, IClientPublishOptions, MqttClient, Packet } from 'mqtt'
import { shownUrl, withoutSecretsOf } from '../../../addresses.ts'
import { connectionAdvice } from '../../../connection-errors/advice.ts'
import type { ConnectionPeer } from '../../../connection-errors/peer.ts'
import { ConnectorError, messageOf, systemCodeOf } from '../../../errors.ts'
import { STATUS_TOPIC } from '../../../topics.ts'
import { counted } from '../../../units.ts'
import type { OutgoingMessage } from './outgoing-message.ts'
import type { ReceiptTally } from './receipt-tally.ts'
import { hex, RefusalTally } from './refusal-tally.ts'

const CONNECT_TIMEOUT_MS = 10_000
const MAX_UNACKNOWLEDGED = 1_000

export type PublisherAccess = Pick<
  IClientOptions,
  'username' | 'password' | 'ca' | 'cert' | 'key' | 'rejectUnauthorized'
> & { readonly servername?: string; readonly passphrase?: string }

export interface PublisherOptions {
  readonly url: string
  /** User, password and TLS settings. */
  readonly access: PublisherAccess
  readonly topic: string
  readonly qos: 0 | 1 | 2
  /** Messages per second; undefined: as fast as possible. */
  readonly rate: number | undefined
  /** Undefined: receipts are not counted. */
  readonly receipts: ReceiptTally | undefined
  /**
   * Receipts of binary messages have no id. MQTT 5's response topic and correlation data identify
   * them instead.
   */
  readonly usesResponseTopic: boolean
}

export class Publisher {
  readonly #options: PublisherOptions
  /** What the server refused with an MQTT 5 reason code. */
  readonly refusals = new RefusalTally()
  readonly #clientId = `publish-${process.pid}-${Date.now().toString(36)}`
  #client: MqttClient | undefined
  #acknowledged = 0
  #unacknowledged = 0
  /** Messages given to the connection. */
  sent = 0
  #maxUnacknowledged = MAX_UNACKNOWLEDGED
  #wake: (() => void) | undefined
  #lost: ConnectorError | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** False at QoS 0: the server does not answer. */
  get isAcknowledged(): boolean {
    return this.#options.qos > 0
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Throws `BrokerUnavailable` if the server can't be reached or refuses the connection. */
  async open(): Promise<void> {
    const { default: mqtt } = await import('mqtt')
    const { url, receipts } = this.#options
    const { brokerAddress } = await import('../../../sources/mqtt-client/broker-address.ts')
    const options = { ...brokerAddress(url), ...this.#connectOptions() }
    try {
      this.#client = await mqtt.connectAsync('', options, false)
    } catch (thrown) {
      throw unreachable(url, thrown)
    }
    const { receiveMaximum = MAX_UNACKNOWLEDGED } = this.#client.serverProperties ?? {}
    this.#maxUnacknowledged = Math.min(MAX_UNACKNOWLEDGED, receiveMaximum)
    this.#client.on('error', (error) => this.#lose(messageOf(error)))
    this.#client.on('disconnect', ({ reasonCode = 0, properties }) => {
      const detail = properties?.reasonString === undefined ? '' : ` (${properties.reasonString})`
      this.#lose(`the server disconnected with reason code ${hex(reasonCode)}${detail}`)
    })
    this.#client.once('close', () => this.#lose('the server closed the connection'))
    if (receipts === undefined) return
    this.#client.on('message', (_topic, payload, packet) => {
      receipts.receive(payload, packet.properties?.correlationData?.toString())
    })
    await this.#client.subscribeAsync(this.#receiptTopic, { qos: 1 })
  }

  /** Resolves when every message is acknowledged. Throws if the connection is lost before that. */
  async send(messages: AsyncIterable<OutgoingMessage>, sent: (count: number) => void) {
    const startedAt = performance.now()
    for await (const message of messages) {
      await this.#pace(startedAt, this.sent)
      await this.#until(() => this.#unacknowledged < this.#maxUnacknowledged)
      if (this.#lost !== undefined) throw this.#lost
      this.#publish(message)
      this.sent += 1
      sent(this.sent)
    }
    await this.#until(() => this.#unacknowledged === 0)
  }

  /** @param isHasty true: does not wait for acknowledgements */
  async close(isHasty = false): Promise<void> {
    this.#client?.removeAllListeners('close')
    // After a lost connection the missing acknowledgements never arrive: do not wait for them.
    await this.#client?.endAsync(isHasty || this.#lost !== undefined)
    this.#client = undefined
  }

  get #receiptTopic(): string {
    return this.#options.usesResponseTopic
      ? `iot-analytics-connector/${this.#clientId}/receipts`
      : STATUS_TOPIC
  }

  #connectOptions(): IClientOptions {
    return {
      clientId: this.#clientId,
      // Before MQTT 5 a server can't refuse a message.
      protocolVersion: 5,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...this.#options.access,
    }
  }

  #publish({ payload, id }: OutgoingMessage): void {
    const { topic, qos, receipts, usesResponseTopic } = this.#options
    receipts?.expect(id)
    const options: IClientPublishOptions = { qos }
    if (receipts !== undefined && usesResponseTopic) {
      options.properties = { responseTopic: this.#receiptTopic, correlationData: Buffer.from(id) }
    }
    this.#unacknowledged += 1
    this.#client?.publish(topic, payload, options, (error, packet) => {
      this.#unacknowledged -= 1
      if (error) this.#refused(error, packet)
      else this.#acknowledged += 1
      this.#wake?.()
    })
  }

  /** An error without a code is the connection's; `#lose` reports that one. */
  #refused(error: Error, packet: Packet | undefined): void {
    if (!('code' in error) || typeof error.code !== 'number') return
    const isAnswer = packet?.cmd === 'puback' || packet?.cmd === 'pubrec'
    this.refusals.add(error.code, isAnswer ? packet.properties?.reasonString : undefined)
  }

  async #pace(startedAt: number, count: number): Promise<void> {
    const { rate } = this.#options
    if (rate === undefined) return
    const aheadMs = startedAt + (count * 1000) / rate - performance.now()
    if (aheadMs >= 1) await delay(aheadMs)
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      if (this.#lost !== undefined) throw this.#lost
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #lose(reason: string): void {
    const { url } = this.#options
    this.#lost ??= new ConnectorError(
      'BrokerUnavailable',
      `Lost the connection to ${shownUrl(url)} with ${counted(this.#unacknowledged, 'message')} unacknowledged: ${reason}`,
    )
    this.#wake?.()
  }
}

function unreachable(url: string, thrown: unknown): ConnectorError {
  const reason = systemCodeOf(thrown) ?? withoutSecretsOf(url, messageOf(thrown))
  return new ConnectorError(
    'BrokerUnavailable',
    `Can’t connect to ${shownUrl(url)}: ${reason}. ${hintFor(url, thrown, reason)}`,
    { cause: thrown },
  )
}

const SERVER: ConnectionPeer = {
  name: 'server',
  ca: '--ca',
  certAndKey: '--cert and --key',
  servername: '--url',
}

function hintFor(url: string, thrown: unknown, reason: string): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  // Reason codes of CONNACK in MQTT 5: bad user name or password, not authorized.
  if (code === 0x86 || code === 0x87) {
    return 'Set the user with --username and --password, or the client certificate with --cert and --key.'
  }
  const advice = connectionAdvice(thrown, SERVER)
  if (advice !== '') return `${advice.slice(2)}.`
  if (/SSL|TLS|EPROTO/.test(reason)) {
    return 'Is the port one for TLS (mqtts://), and does it ask for a client certificate (--cert, --key)?'
  }
  if (/^(mqtts|wss|tls):/.test(url) && /Couldn't connect|closed|ECONNRESET/.test(reason)) {
    return 'Is the connector running there, and does it accept the client certificate of --cert and --key?'
  }
  return 'Is the connector running there? Set its address with --config or --url.'
}
