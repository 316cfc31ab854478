/**
 * One client's connection: its bytes in, ours out, its life.
 *
 *     new ──CONNECT──▶ identifying ──▶ open ──DISCONNECT, violation, takeover, timeout──▶ ending ──▶ closed
 *      └─── timeout ──────┴── refused ───────────────────────────────────────────────────┘
 */
import { messageOf } from '../../../errors.ts'
import type { Refusal } from '../../../message.ts'
import {
  type Denied,
  everythingPermitted,
  type Identity,
  type Permissions,
} from '../access/access-control.ts'
import type { Broker } from '../broker/broker.ts'
import { admit } from '../handlers/connect.ts'
import { Conversation, checkHeader } from '../handlers/dispatch.ts'
import type { Arrival } from '../listeners/listener.ts'
import { type ConnectPacket, RefusedConnect, readConnect } from '../packets/connect-packet.ts'
import { FrameReader } from '../packets/frame-reader.ts'
import { PacketType, type ProtocolVersion, ReasonCode } from '../packets/protocol.ts'
import { asViolation, ProtocolViolation } from '../packets/protocol-violation.ts'
import type { Link } from '../sessions/link.ts'
import { TopicAliases } from '../topics/topic-aliases.ts'
import { ConnectionTimeouts } from './connection-timeouts.ts'
import { DeferredPackets, type PacketHost } from './deferred-packets.ts'
import type { LoopTurns } from './loop-turns.ts'
import { Pause, ReadThrottle } from './read-throttle.ts'
import { type FlushQueue, SocketWriter } from './socket-writer.ts'

export interface ConnectionOptions {
  readonly arrival: Arrival
  readonly broker: Broker
  readonly flushes: FlushQueue
  readonly turns: LoopTurns
  readonly onClosed: (connection: Connection) => void
}

export class Connection implements Link, PacketHost {
  version: ProtocolVersion = 4
  isBridge = false
  maxPacketBytes = Number.POSITIVE_INFINITY
  receiveMaximum = 65_535
  aliases: TopicAliases | undefined
  permissions: Permissions = everythingPermitted
  isLeaving = false
  readonly #arrival: Arrival
  readonly #broker: Broker
  readonly #onClosed: (connection: Connection) => void
  readonly #reader: FrameReader
  readonly #writer: SocketWriter
  readonly #timeouts: ConnectionTimeouts
  readonly #throttle: ReadThrottle
  readonly #waiting: DeferredPackets
  #phase: 'new' | 'identifying' | 'open' | 'ending' | 'closed' = 'new'
  #identity: Identity | undefined
  #conversation: Conversation | undefined
  #isSocketGone = false

  constructor({ arrival, broker, flushes, turns, onClosed }: ConnectionOptions) {
    const { socket } = arrival
    const { clock, limits, commitGate } = broker
    this.#arrival = arrival
    this.#broker = broker
    this.#onClosed = onClosed
    this.#reader = new FrameReader(this, limits.maxPacketBytes)
    this.#writer = new SocketWriter(socket, flushes)
    this.#timeouts = new ConnectionTimeouts(clock.monotonic(), limits.connectTimeoutMs)
    this.#throttle = new ReadThrottle({
      socket,
      turns,
      clock,
      limits,
      coalescing: commitGate.coalescing,
    })
    this.#waiting = new DeferredPackets({ throttle: this.#throttle, broker, turns, host: this })
  }

  get isCongested(): boolean {
    return this.#writer.waitingBytes > this.#broker.limits.maxOutgoingBytes
  }

  get #hasLeft(): boolean {
    return this.#phase === 'ending' || this.#phase === 'closed'
  }

  open(): void {
    this.#arrival.socket.on('data', (chunk: Buffer) => this.#received(chunk))
    this.#arrival.socket.on('drain', () => this.#drained())
    this.#arrival.socket.on('error', (error) => this.#leave(messageOf(error), true))
    this.#arrival.socket.on('close', () => this.#socketClosed())
  }

  send(bytes: Buffer): void {
    if (this.#phase !== 'open') return
    this.#broker.statistics.bytesSent += bytes.length
    this.#writer.add(bytes)
    if (this.isCongested && !this.#timeouts.isStalled) {
      // What a client doesn't read must not grow with what it sends.
      this.#timeouts.stalled(this.#broker.clock.monotonic())
      this.#throttle.pause(Pause.stalled)
    }
  }

  inTurns(step: () => boolean): void {
    this.#waiting.inTurns(step)
  }

  frame(first: number, bytes: Buffer, start: number, end: number): boolean {
    const type = first >> 4
    if (this.#waiting.mustWait(type)) {
      this.#waiting.add(first, bytes, start, end)
      return true
    }
    this.#throttle.spend(type)
    if (this.#conversation === undefined) {
      this.#connect(type, first, bytes, start, end)
    } else if (type === PacketType.publish) {
      const refusal = this.#conversation.publish(first, bytes, start, end)
      if (refusal !== undefined) this.#waiting.withhold(refusal, first, bytes, start, end)
    } else {
      checkHeader(type, first)
      if (type === PacketType.disconnect) this.#disconnect(this.#conversation, bytes, start, end)
      else this.#conversation.handle(type, bytes, start, end)
    }
    return this.#phase === 'open' || this.#phase === 'identifying'
  }

  /** Users and rules may have changed. */
  recheck(): void {
    const session = this.#conversation?.session
    const { access } = this.#broker
    if (session === undefined || this.#identity === undefined || this.#phase !== 'open') return
    if (access.isCurrent(this.#identity)) {
      this.permissions = access.permissionsOf(session.userName, session.clientId)
    } else {
      this.end(ReasonCode.notAuthorized, 'its user is gone or has another password')
    }
  }

  /** Ends the connection from our side, with a word about why where the protocol has one. */
  end(reasonCode: number, reason: string): void {
    if (this.#hasLeft) return
    this.#conversation?.sayGoodbye(reasonCode, reason)
    this.#leave(reason, true)
    this.#endSocket()
  }

  endSoon(refusal: Refusal): void {
    this.#waiting.endSoon(refusal)
  }

  /** Runs what reads packets; then sends the acknowledgements that wait for nothing. */
  guarded(read: () => void): void {
    try {
      read()
    } catch (error) {
      this.#violated(error)
    }
    this.#conversation?.receiver?.flushFinished()
  }

  /** No packet waits any more: that the client was not read until now is no silence of its own. */
  caughtUp(): void {
    this.#timeouts.heard(this.#broker.clock.monotonic())
    if (this.#isSocketGone) this.#close()
  }

  /** The client keeps what is not acknowledged, comes back and sends it again. */
  sendAway(refusal: Refusal): void {
    if (this.#hasLeft) return
    this.#conversation?.tellSentAway(refusal)
    this.end(ReasonCode.quotaExceeded, refusal.message)
  }

  /** Called about once a second: ends what has lasted too long. */
  sweep(nowMs: number): void {
    if (this.#phase === 'identifying') return // That has a bound of its own.
    const isReading = this.#throttle.isReading && !this.#isSocketGone
    const verdict = this.#timeouts.verdict(nowMs, isReading)
    if (verdict === 'no CONNECT') {
      this.#refuse('no CONNECT in time')
    } else if (verdict === 'silent') {
      this.end(ReasonCode.keepAliveTimeout, 'nothing heard for 1.5 keep-alive intervals')
    } else if (verdict !== 'fine') {
      this.#leave('takes none of what is sent to it', true)
      this.#arrival.socket.destroy()
    }
  }

  #received(chunk: Buffer): void {
    if (this.#hasLeft) return
    this.#timeouts.heard(this.#broker.clock.monotonic())
    this.#broker.statistics.bytesReceived += chunk.length
    this.#throttle.took(chunk.length)
    this.guarded(() => this.#reader.push(chunk))
    this.#throttle.worked(chunk.length)
  }

  /** A fault of our own costs this connection and no other. */
  #violated(error: unknown): void {
    const violation = asViolation(error)
    this.#broker.tellRefused(this.#arrival.remote, violation.message)
    if (violation instanceof RefusedConnect) this.#writer.add(violation.connack)
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
    const hasLeft = () => this.#hasLeft
    const verdict = this.#broker.access.identify({ ...this.#arrival, ...packet, hasLeft })
    if (!(verdict instanceof Promise)) {
      this.#admit(packet, verdict)
      return
    }
    this.#phase = 'identifying'
    this.#waiting.lock()
    void verdict.then((later) => {
      if (this.#phase !== 'identifying') return
      this.guarded(() => this.#admit(packet, later))
      this.#waiting.unlock()
    })
  }

  #admit(packet: ConnectPacket, verdict: Identity | Denied): void {
    const broker = this.#broker
    const { changeCount } = broker.commitGate
    const admission = admit(packet, broker, verdict)
    // What CONNACK says of the session is to be true after a power cut as well.
    const isChanged = broker.commitGate.changeCount > changeCount
    if (isChanged) this.#writer.hold((release) => broker.commitGate.whenDurable(release))
    this.#writer.add(admission.connack)
    const { session } = admission
    if (session === undefined) {
      this.#refuse(admission.reason)
      return
    }
    this.#settleIn(packet)
    this.permissions = admission.permissions
    this.#identity = admission.identity
    const wantsReasons = packet.properties.requestProblemInformation !== 0
    this.#conversation = new Conversation({ broker, session, link: this, wantsReasons })
    this.#phase = 'open'
    this.#conversation.begin()
  }

  #settleIn({ keepAliveS, properties }: ConnectPacket): void {
    const { clock, limits } = this.#broker
    this.#timeouts.admitted(clock.monotonic(), Math.min(keepAliveS, limits.maxKeepAliveS) * 1000)
    const { topicAliasMaximum = 0, maximumPacketBytes, receiveMaximum } = properties
    if (topicAliasMaximum > 0) this.aliases = new TopicAliases(topicAliasMaximum)
    this.maxPacketBytes = maximumPacketBytes ?? this.maxPacketBytes
    this.receiveMaximum = receiveMaximum ?? this.receiveMaximum
  }

  #refuse(reason: string): void {
    this.#broker.tellRefused(this.#arrival.remote, reason)
    this.#leave(reason, false)
    this.#endSocket()
  }

  #disconnect(conversation: Conversation, bytes: Buffer, start: number, end: number): void {
    const { reasonCode } = conversation.readDisconnect(bytes, start, end)
    // [MQTT-3.14.4-3]: a normal goodbye takes the will with it.
    this.#leave('client disconnected', reasonCode !== ReasonCode.success)
    this.#endSocket()
  }

  #drained(): void {
    this.#timeouts.moved()
    this.#throttle.resume(Pause.stalled)
    this.#conversation?.session.pump()
  }

  /** Gives the session up. From here on nothing is read and nothing more is sent. */
  #leave(reason: string, hasWill: boolean): void {
    if (this.#hasLeft) return
    this.#phase = 'ending'
    this.#timeouts.ended(this.#broker.clock.monotonic())
    this.#waiting.close()
    this.#conversation?.end(reason, hasWill)
  }

  #endSocket(): void {
    this.#writer.end()
    this.#throttle.release()
    if (this.#isSocketGone) this.#close()
  }

  #socketClosed(): void {
    this.#isSocketGone = true
    this.#waiting.abandon()
    // QoS 0 messages sent just before going are still taken in.
    if (!this.#waiting.isEmpty && this.#phase === 'open') return
    this.#close()
  }

  #close(): void {
    if (this.#phase === 'closed') return
    this.#leave('connection closed', true)
    this.#phase = 'closed'
    this.#onClosed(this)
  }
}
