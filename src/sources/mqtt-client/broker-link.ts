/**
 * One connection to the broker, from the attempt to its end. MQTT.js does the protocol; taking
 * over its acknowledgements is done here and nowhere else.
 *
 * How: for QoS 1, `handleMessage`'s callback with an error makes MQTT.js go on without a PUBACK; for
 * QoS 2, `customHandleAcks` with an error makes it go on without a PUBREC and emit that error. The
 * packets that it thus leaves out are written to the stream when the messages are committed.
 */
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import type { Timer } from '../../clock.ts'
import { ConnectorError, isOwnCode } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import { InboundMessages, type InboundMessagesOptions } from './inbound-messages.ts'

export interface BrokerLinkOptions extends Omit<InboundMessagesOptions, 'write' | 'lost'> {
  readonly connect: (url: string, settings: IClientOptions) => MqttClient
  readonly settings: IClientOptions
  readonly up: (client: MqttClient) => void
  /** Called once; `cause` is undefined when the broker just closed. */
  readonly down: (cause: unknown) => void
}

/** "Go on, we acknowledge this one ourselves." */
const ACKNOWLEDGED_BY_US = new Error('acknowledged when committed')

export class BrokerLink {
  readonly #options: BrokerLinkOptions
  readonly inbound: InboundMessages
  #client: MqttClient | undefined
  #cause: unknown
  #pingTimer: Timer | undefined

  constructor(options: BrokerLinkOptions) {
    this.#options = options
    this.inbound = new InboundMessages({
      ...options,
      write: (packets) => this.#write(packets),
      lost: (refusal) => this.#drop(refusal),
    })
  }

  /** @throws what MQTT.js throws for an address it can't use. */
  open(): void {
    const { connect, settings, options, up, session } = this.#options
    const client = connect(nameOfProtocol(options.url), settings)
    this.#client = client
    client.on('error', (error) => {
      if (error !== ACKNOWLEDGED_BY_US) this.#cause ??= error
    })
    client.on('disconnect', ({ reasonCode }) => {
      this.#cause ??= Object.assign(new Error(`disconnected with reason code ${reasonCode}`), {
        code: reasonCode,
      })
    })
    client.on('connect', ({ sessionPresent }) => {
      // A CONNACK that was still in MQTT.js's buffers when the connection ended.
      if (this.#client !== client) {
        client.keepaliveManager?.destroy()
        return
      }
      if (!sessionPresent) session.unreleased.clear()
      up(client)
    })
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'pubrel') this.inbound.released(packet.messageId ?? 0)
    })
    client.once('close', () => this.#closed(client))
    this.#takeOverAcknowledgements(client)
  }

  /** Says goodbye and waits for the end of the connection; `force` ends it at once. */
  async close(force: boolean): Promise<void> {
    const client = this.#client
    if (client === undefined) return
    await new Promise<void>((resolve) => client.end(force, () => resolve()))
    this.#closed(client)
  }

  /** Without a goodbye: the broker has to keep what is not acknowledged, and send it again. */
  #drop({ error, message }: Refusal): void {
    const client = this.#client
    if (client === undefined) return
    this.#cause = new ConnectorError(isOwnCode(error) ? error : 'StorageFailed', message)
    this.#closed(client)
  }

  #takeOverAcknowledgements(client: MqttClient): void {
    client.handleMessage = (packet, callback) => {
      this.#handle(packet, () => (packet.qos === 0 ? callback() : callback(ACKNOWLEDGED_BY_US)))
    }
    client.options.customHandleAcks = (_topic, _payload, packet: IPublishPacket, answer) => {
      if (packet.qos === 2) this.#handle(packet, () => answer(ACKNOWLEDGED_BY_US))
      else answer(0)
    }
  }

  #handle(packet: IPublishPacket, goOn: () => void): void {
    this.inbound.handle(packet, goOn)
    if (this.inbound.isHeldBack) this.#keepAliveWhileHeldBack()
  }

  /** While packets are held back the answer to MQTT.js's own pings is among them, unread. */
  #keepAliveWhileHeldBack(): void {
    const { clock, options } = this.#options
    this.#pingTimer?.cancel()
    this.#pingTimer = clock.after(options.keepAlive / 2, () => {
      if (!this.inbound.isHeldBack || this.#client?.connected !== true) return
      this.#client.sendPing()
      this.#client.reschedulePing(true)
      this.#keepAliveWhileHeldBack()
    })
  }

  #write(packets: Buffer): void {
    const client = this.#client
    // Without the connection there is nothing to acknowledge: the broker sends it again.
    if (client?.connected === true && !client.stream.destroyed) client.stream.write(packets)
  }

  #closed(client: MqttClient): void {
    if (this.#client === undefined) return
    this.#client = undefined
    this.#pingTimer?.cancel()
    this.inbound.closed()
    client.end(true)
    // An `end` that still waits for acknowledgements makes MQTT.js take no notice of a second one.
    client.stream.destroy()
    client.keepaliveManager?.destroy()
    this.#options.down(this.#cause)
  }
}

/** `tcp:` and `tls:` by the names under which MQTT.js takes certificates too. */
function nameOfProtocol(url: string): string {
  return url.replace(/^tcp:/, 'mqtt:').replace(/^tls:/, 'mqtts:')
}
