/**
 * One connection to the broker, from the attempt to its end. MQTT.js speaks the protocol; only this
 * class takes over its acknowledgements.
 *
 * For QoS 1, calling back `handleMessage` with an error makes MQTT.js continue without a PUBACK.
 * For QoS 2, an error from `customHandleAcks` makes it continue without a PUBREC and emit that
 * error. The acknowledgements left out are written to the stream when the messages are committed.
 */
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import { shownUrl } from '../../addresses.ts'
import type { Timer } from '../../clock.ts'
import { ConnectorError, isOwnCode } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import { InboundMessages, type InboundMessagesOptions } from './inbound-messages.ts'
import { PacketMeter } from './packet-meter.ts'

export interface BrokerLinkOptions extends Omit<InboundMessagesOptions, 'write' | 'lost'> {
  readonly connect: (url: string, settings: IClientOptions) => MqttClient
  readonly settings: IClientOptions
  readonly up: (client: MqttClient) => void
  /** Called once. `cause` is undefined if the broker closed the connection without a reason. */
  readonly down: (cause: unknown) => void
}

/** Makes MQTT.js continue without acknowledging the packet. */
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

  /** @throws the error of MQTT.js for an address it can't use. */
  open(): void {
    const { connect, settings, options, up, session } = this.#options
    const client = connect(nameOfProtocol(options.url), settings)
    this.#client = client
    this.#meter(client)
    client.on('error', (error) => {
      if (error !== ACKNOWLEDGED_BY_US) this.#cause ??= error
    })
    client.on('disconnect', ({ reasonCode }) => {
      this.#cause ??= Object.assign(new Error(`disconnected with reason code ${reasonCode}`), {
        code: reasonCode,
      })
    })
    client.on('connect', ({ sessionPresent }) => {
      // The CONNACK was still in MQTT.js's buffers when the connection ended.
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

  /** Sends DISCONNECT and waits for the end of the connection; `force` ends it at once. */
  async close(force: boolean): Promise<void> {
    const client = this.#client
    if (client === undefined) return
    await new Promise<void>((resolve) => client.end(force, () => resolve()))
    this.#closed(client)
  }

  /** Sends no DISCONNECT: the broker must keep unacknowledged messages and send them again. */
  #drop({ error, message }: Refusal): void {
    const client = this.#client
    if (client === undefined) return
    this.#cause = new ConnectorError(isOwnCode(error) ? error : 'StorageFailed', message)
    this.#closed(client)
  }

  /** Ends the connection at a packet that is too long, before MQTT.js has collected it. */
  #meter(client: MqttClient): void {
    const { url, protocolVersion } = this.#options.options
    const meter = new PacketMeter(protocolVersion)
    let isOver = false
    // Before the listener of MQTT.js, and without starting the flow of the stream.
    client.stream.prependListener('data', (bytes: Buffer) => {
      const excess = isOver ? undefined : meter.take(bytes)
      if (excess === undefined) return
      isOver = true
      const message = `the broker ${shownUrl(url)} sent ${excess}`
      client.stream.destroy(new ConnectorError('BrokerUnavailable', message))
    })
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

  /** While packets are held back, MQTT.js does not read the answers to its own pings either. */
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
    // Without the connection nothing can be acknowledged: the broker sends the messages again.
    if (client?.connected === true && !client.stream.destroyed) client.stream.write(packets)
  }

  #closed(client: MqttClient): void {
    if (this.#client === undefined) return
    this.#client = undefined
    this.#pingTimer?.cancel()
    this.inbound.closed()
    client.end(true)
    // MQTT.js ignores a second `end` while the first still waits for acknowledgements.
    client.stream.destroy()
    client.keepaliveManager?.destroy()
    this.#options.down(this.#cause)
  }
}

/** Replaces `tcp:` and `tls:` by the names for which MQTT.js accepts certificates too. */
function nameOfProtocol(url: string): string {
  return url.replace(/^tcp:/, 'mqtt:').replace(/^tls:/, 'mqtts:')
}
