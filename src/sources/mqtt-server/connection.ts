/**
 * One client's connection: its bytes in, ours out, its life.
 *
 *     new ──CONNECT──▶ open ──DISCONNECT, violation, takeover, timeout──▶ ending ──▶ closed
 *      └─── refused, timeout ───────────────────────────────────────────────┘
 *
 * While commits are behind, an open connection holds packets back, and when it holds too many it
 * stops reading. Pings are answered all the same.
 */
import type { Duplex } from 'node:stream'
import { messageOf } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import type { Debtor } from './acceptance.ts'
import { admit } from './admission.ts'
import type { Broker } from './broker.ts'
import { type ConnectPacket, RefusedConnect, readConnect } from './connect-packet.ts'
import { encodeDisconnect } from './control-packets.ts'
import { Conversation, checkHeader } from './conversation.ts'
import { type FrameHandler, FrameReader } from './frame-reader.ts'
import { HeldFrames, mayOvertake } from './held-frames.ts'
import { Liveness } from './liveness.ts'
import { type FlushQueue, Outbox } from './outbox.ts'
import { PacketType, type ProtocolVersion, ReasonCode } from './protocol.ts'
import { ProtocolViolation } from './protocol-violation.ts'
import type { Link } from './session.ts'
import { TopicAliases } from './topic-aliases.ts'

export interface ConnectionOptions {
  readonly socket: Duplex
  /** Where the client is, for the observer. */
  readonly remote: string
  readonly broker: Broker
  readonly flushes: FlushQueue
  readonly onClosed: (connection: Connection) => void
}

const NO_LIMIT = Number.POSITIVE_INFINITY

export class Connection implements Link, FrameHandler, Debtor {
  version: ProtocolVersion = 4
  isBridge = false
  maxPacketBytes = NO_LIMIT
  receiveMaximum = 65_535
  aliases: TopicAliases | undefined
  readonly #socket: Duplex
  readonly #remote: string
  readonly #broker: Broker
  readonly #onClosed: (connection: Connection) => void
  readonly #reader: FrameReader
  readonly #outbox: Outbox
  readonly #liveness: Liveness
  #phase: 'new' | 'open' | 'ending' | 'closed' = 'new'
  #conversation: Conversation | undefined
  #held: HeldFrames | undefined
  #isOwed = false
  #isSocketGone = false

  constructor({ socket, remote, broker, flushes, onClosed }: ConnectionOptions) {
    this.#socket = socket
    this.#remote = remote
    this.#broker = broker
    this.#onClosed = onClosed
    this.#reader = new FrameReader(this, broker.limits.maxPacketBytes)
    this.#outbox = new Outbox(socket, flushes)
    this.#liveness = new Liveness(broker.clock.monotonic(), broker.limits.connectTimeoutMs)
  }

  get isCongested(): boolean {
    return this.#outbox.waitingBytes > this.#broker.limits.maxOutgoingBytes
  }

  open(): void {
    this.#socket.on('data', (chunk: Buffer) => this.#received(chunk))
    this.#socket.on('drain', () => this.#drained())
    this.#socket.on('error', (error) => this.#leave(messageOf(error), true))
    this.#socket.on('close', () => this.#socketClosed())
  }

  send(bytes: Buffer): void {
    if (this.#phase !== 'open') return
    this.#broker.statistics.bytesSent += bytes.length
    this.#outbox.add(bytes)
    if (this.isCongested && !this.#liveness.isStalled) {
      // What a client doesn't read must not grow with what it sends.
      this.#liveness.stalled(this.#broker.clock.monotonic())
      this.#socket.pause()
    }
  }

  frame(first: number, bytes: Buffer, start: number, end: number): boolean {
    const type = first >> 4
    if (this.#conversation === undefined) {
      this.#connect(type, first, bytes, start, end)
    } else if (this.#mustHold(type)) {
      this.#hold(first, bytes, start, end)
    } else if (type === PacketType.publish) {
      this.#conversation.publish(first, bytes, start, end)
    } else {
      checkHeader(type, first)
      if (type === PacketType.disconnect) this.#disconnect(this.#conversation, bytes, start, end)
      else this.#conversation.handle(type, bytes, start, end)
    }
    return this.#phase === 'open'
  }

  settle(cycle: number): boolean {
    this.#isOwed = this.#conversation?.receiver?.settle(cycle) ?? false
    return this.#isOwed
  }

  fail(cycle: number, refusal: Refusal): boolean {
    this.#isOwed = this.#conversation?.receiver?.fail(cycle, refusal) ?? false
    return this.#isOwed
  }

  /** The intake takes messages again: what was held goes first. */
  resume(): void {
    const held = this.#held
    if (held === undefined || this.#phase === 'closed') return
    this.#held = undefined
    const { intake } = this.#broker.acceptance
    this.#guarded(() => held.drain(this, () => intake.isSaturated))
    if (held.isEmpty || this.#phase !== 'open') {
      if (this.#isSocketGone) this.#close()
      else if (!this.#liveness.isStalled) this.#socket.resume()
    } else {
      this.#held = held
      this.#broker.acceptance.hold(this)
    }
  }

  /** Ends the connection from our side, with a word about why where the protocol has one. */
  end(reasonCode: number, reason: string): void {
    if (this.#phase === 'ending' || this.#phase === 'closed') return
    if (this.#phase === 'open' && this.version === 5) {
      const bytes = encodeDisconnect(reasonCode, reason)
      if (bytes.length <= this.maxPacketBytes) this.send(bytes)
    }
    this.#leave(reason, true)
    this.#endSocket()
  }

  /** Called about once a second: ends what has lasted too long. */
  sweep(nowMs: number): void {
    const isReading = !this.#socket.isPaused() && !this.#isSocketGone
    const verdict = this.#liveness.verdict(nowMs, isReading)
    if (verdict === 'fine') return
    if (verdict === 'no CONNECT') {
      this.#refuse('no CONNECT in time')
    } else if (verdict === 'silent') {
      this.end(ReasonCode.keepAliveTimeout, 'nothing heard for 1.5 keep-alive intervals')
    } else {
      this.#leave('takes none of what is sent to it', true)
      this.#socket.destroy()
    }
  }

  #received(chunk: Buffer): void {
    if (this.#phase === 'ending' || this.#phase === 'closed') return
    this.#liveness.heard(this.#broker.clock.monotonic())
    this.#broker.statistics.bytesReceived += chunk.length
    this.#guarded(() => this.#reader.push(chunk))
  }

  /** Runs what reads packets; then sends the acknowledgements that wait for nothing. */
  #guarded(read: () => void): void {
    try {
      read()
    } catch (error) {
      this.#violated(error)
    }
    const receiver = this.#conversation?.receiver
    if (receiver === undefined) return
    const { acceptance } = this.#broker
    if (receiver.settle(acceptance.finishedCycle) && !this.#isOwed) {
      this.#isOwed = true
      acceptance.owe(this)
    }
  }

  /** A fault of our own costs this connection and no other. */
  #violated(error: unknown): void {
    const violation =
      error instanceof ProtocolViolation
        ? error
        : new ProtocolViolation(`fault: ${messageOf(error)}`, ReasonCode.unspecifiedError)
    this.#broker.observer.clientRefused(this.#broker.name, this.#remote, violation.message)
    if (violation instanceof RefusedConnect) this.#outbox.add(violation.connack)
    if (this.#phase === 'new') this.#leave(violation.message, false)
    this.end(violation.reasonCode, violation.message)
    this.#endSocket()
  }

  #connect(type: number, first: number, bytes: Buffer, start: number, end: number): void {
    // [MQTT-3.1.0-1]
    if (type !== PacketType.connect) throw new ProtocolViolation('first packet is not CONNECT')
    const packet = readConnect(first, bytes, start, end)
    this.version = packet.version
    this.isBridge = packet.isBridge
    const admission = admit(packet, this.#broker)
    this.#outbox.add(admission.connack)
    if (admission.session === undefined) {
      this.#refuse(admission.reason)
      return
    }
    this.#settleIn(packet)
    const { session } = admission
    this.#conversation = new Conversation({
      broker: this.#broker,
      session,
      link: this,
      wantsReasons: packet.properties.requestProblemInformation !== 0,
    })
    this.#phase = 'open'
    this.#broker.statistics.connectionsOpened++
    session.attach(this)
    session.resume()
    this.#broker.observer.clientConnected(this.#broker.name, session.clientId)
  }

  #settleIn({ keepAliveS, properties }: ConnectPacket): void {
    this.#liveness.admitted(
      this.#broker.clock.monotonic(),
      Math.min(keepAliveS, this.#broker.limits.maxKeepAliveS) * 1000,
    )
    const aliasMaximum = properties.topicAliasMaximum ?? 0
    if (aliasMaximum > 0) this.aliases = new TopicAliases(aliasMaximum)
    this.maxPacketBytes = properties.maximumPacketBytes ?? NO_LIMIT
    this.receiveMaximum = properties.receiveMaximum ?? 65_535
  }

  #refuse(reason: string): void {
    this.#broker.observer.clientRefused(this.#broker.name, this.#remote, reason)
    this.#leave(reason, false)
    this.#endSocket()
  }

  #disconnect(conversation: Conversation, bytes: Buffer, start: number, end: number): void {
    const { reasonCode } = conversation.readDisconnect(bytes, start, end)
    // [MQTT-3.14.4-3]: a normal goodbye takes the will with it.
    this.#leave('client disconnected', reasonCode !== ReasonCode.success)
    this.#endSocket()
  }

  #mustHold(type: number): boolean {
    if (this.#held !== undefined) return !mayOvertake(type)
    return type === PacketType.publish && this.#broker.acceptance.intake.isSaturated
  }

  #hold(first: number, bytes: Buffer, start: number, end: number): void {
    this.#held ??= new HeldFrames()
    this.#held.add(first, bytes, start, end)
    this.#broker.acceptance.hold(this)
    if (this.#held.bytes > this.#broker.limits.maxHeldBytes) this.#socket.pause()
  }

  #drained(): void {
    this.#liveness.moved()
    if (this.#held === undefined) this.#socket.resume()
    this.#conversation?.session.pump()
  }

  /** Gives the session up. From here on nothing is read and nothing more is sent. */
  #leave(reason: string, hasWill: boolean): void {
    if (this.#phase === 'ending' || this.#phase === 'closed') return
    this.#phase = 'ending'
    this.#liveness.ended(this.#broker.clock.monotonic())
    this.#held = undefined
    this.#broker.acceptance.forget(this)
    const session = this.#conversation?.session
    if (session === undefined) return
    this.#broker.sessions.disconnected(session, hasWill)
    this.#broker.observer.clientDisconnected(this.#broker.name, session.clientId, reason)
  }

  #endSocket(): void {
    if (this.#isSocketGone) {
      this.#close()
      return
    }
    this.#outbox.flush()
    this.#socket.end()
    this.#socket.resume()
  }

  #socketClosed(): void {
    this.#isSocketGone = true
    // QoS 0 messages sent just before going are still taken in.
    if (this.#held !== undefined && this.#phase === 'open') return
    this.#close()
  }

  #close(): void {
    this.#leave('connection closed', true)
    this.#phase = 'closed'
    this.#onClosed(this)
  }
}
