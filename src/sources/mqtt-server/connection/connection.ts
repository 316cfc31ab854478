/**
 * One client's connection: bytes in, bytes out, and how it begins and ends.
 *
 *     new ──CONNECT──▶ identifying ──accepted──▶ open ──▶ ending ──socket closed──▶ closed
 *      │                    │                              ▲
 *      └── timeout, ────────┴── refused, client left ──────┘
 *          no CONNECT
 *
 * An open connection ends with DISCONNECT, a violation, a takeover, a timeout or its socket.
 */
import type { Clock } from '../../../clock.ts'
import { messageOf } from '../../../errors.ts'
import type { Refusal } from '../../../message.ts'
import type { RefusedClient } from '../../../observer.ts'
import {
  type Denied,
  everythingPermitted,
  type Identity,
  type Permissions,
} from '../access/access-control.ts'
import type { ServerContext } from '../broker/server-context.ts'
import { Client } from '../handlers/client.ts'
import { handleConnect } from '../handlers/connect.ts'
import { sendDisconnect } from '../handlers/disconnect.ts'
import { dispatch } from '../handlers/dispatch.ts'
import { maxConnectBytes } from '../limits/limits.ts'
import type { LoopTurns } from '../limits/loop-turns.ts'
import type { PartialHolder } from '../limits/partial-packets.ts'
import type { Arrival } from '../listeners/listener.ts'
import { type ConnectPacket, RefusedConnect, readConnect } from '../packets/connect-packet.ts'
import { FrameReader } from '../packets/frame-reader.ts'
import { PacketType, type ProtocolVersion, ReasonCode } from '../packets/protocol.ts'
import { asViolation, ProtocolViolation } from '../packets/protocol-violation.ts'
import type { Link } from '../sessions/link.ts'
import type { Statistics } from '../topics/statistics.ts'
import type { TopicAliases } from '../topics/topic-aliases.ts'
import { clientSettings } from './client-settings.ts'
import { ConnectionTimeouts } from './connection-timeouts.ts'
import { DeferredPackets, type PacketHost } from './deferred-packets.ts'
import { PauseReason, ReadState } from './read-state.ts'
import { ReadThrottle } from './read-throttle.ts'
import { type FlushQueue, SocketWriter } from './socket-writer.ts'
import { WaitingChunks } from './waiting-chunks.ts'

export interface ConnectionOptions {
  readonly arrival: Arrival
  readonly context: ServerContext
  readonly flushes: FlushQueue
  readonly turns: LoopTurns
  readonly onClosed: (connection: Connection) => void
}

export class Connection implements Link, PacketHost, PartialHolder {
  version: ProtocolVersion = 4
  isBridge = false
  maxPacketBytes = Number.POSITIVE_INFINITY
  receiveMaximum = 65_535
  aliases: TopicAliases | undefined
  permissions: Permissions = everythingPermitted
  isLeaving = false
  readonly address: string
  readonly transport: string
  readonly #arrival: Arrival
  readonly #context: ServerContext
  readonly #clock: Clock
  readonly #turns: LoopTurns
  readonly #statistics: Statistics
  readonly #onClosed: (connection: Connection) => void
  readonly #reader: FrameReader
  readonly #writer: SocketWriter
  readonly #timeouts: ConnectionTimeouts
  readonly #readState: ReadState
  readonly #throttle: ReadThrottle
  readonly #deferred: DeferredPackets
  readonly #chunks: WaitingChunks
  #phase: 'new' | 'identifying' | 'open' | 'ending' | 'closed' = 'new'
  #client: Client | undefined
  #isSocketGone = false
  #partialBytes = 0
  #partials = 0

  constructor({ arrival, context, flushes, turns, onClosed }: ConnectionOptions) {
    const { socket } = arrival
    const { broker, clock, limits } = context
    const { coalescing } = broker.commitGate
    this.address = arrival.address
    this.transport = arrival.transport
    this.#arrival = arrival
    this.#context = context
    this.#clock = clock
    this.#turns = turns
    this.#statistics = broker.statistics
    this.#onClosed = onClosed
    this.#reader = new FrameReader(this, limits.maxPacketBytes, maxConnectBytes(limits))
    this.#writer = new SocketWriter({
      socket,
      queue: flushes,
      bound: broker.connectionBytes.outgoing,
      maxBytes: limits.maxOutgoingBytes,
      onDrained: () => this.#drained(),
    })
    this.#timeouts = new ConnectionTimeouts(clock.monotonic(), limits.connectTimeoutMs)
    const readState = new ReadState(socket)
    this.#readState = readState
    const throttle = new ReadThrottle({ readState, turns, clock, limits, coalescing })
    this.#throttle = throttle
    this.#deferred = new DeferredPackets({ readState, throttle, context, turns, host: this })
    const handle = (chunk: Buffer) => this.#handle(chunk)
    this.#chunks = new WaitingChunks({
      readState,
      turns,
      bound: broker.connectionBytes.held,
      handle,
    })
  }

  get isCongested(): boolean {
    return this.#writer.isCongested
  }

  get heardAt(): number {
    return this.#timeouts.heardAt
  }

  get #hasLeft(): boolean {
    return this.#phase === 'ending' || this.#phase === 'closed'
  }

  open(): void {
    const { broker } = this.#context
    this.#arrival.socket.on('data', (chunk: Buffer) => this.#received(chunk))
    this.#arrival.socket.on('error', (error) => this.#leave(messageOf(error), true))
    // Many clients may leave at once, each with a thousand subscriptions to remove.
    this.#arrival.socket.on('close', () => broker.inTurn(() => this.#socketClosed()))
  }

  send(bytes: Buffer): void {
    if (this.#phase !== 'open') return
    this.#statistics.bytesSent += bytes.length
    this.#writer.add(bytes)
    // Unread bytes must not grow with what the client sends.
    if (this.isCongested) this.#readState.pause(PauseReason.stalled)
  }

  charge(work: number): void {
    this.#throttle.charge(work)
  }

  inTurns(step: () => boolean): void {
    this.#deferred.inTurns(step)
  }

  nextTurn(call: () => void): void {
    this.#turns.next(() => {
      if (this.#phase === 'open') this.metered(call)
    })
  }

  frame(first: number, bytes: Buffer, start: number, end: number): boolean {
    const type = first >> 4
    if (this.#deferred.mustWait(type)) {
      this.#deferred.add(first, bytes, start, end)
      return true
    }
    this.#throttle.countPacket(type, end - start)
    const { work } = this.#context.broker
    const before = work.done
    if (this.#client === undefined) {
      this.#connect(type, first, bytes, start, end)
    } else {
      const refusal = dispatch(this.#client, first, bytes, start, end)
      if (refusal !== undefined) this.#deferred.withhold(refusal, first, bytes, start, end)
    }
    if (work.done !== before) this.#throttle.charge(work.done - before)
    return this.#phase === 'open' || this.#phase === 'identifying'
  }

  /** Users and rules may have changed. */
  recheck(): void {
    if (this.#client === undefined || this.#phase !== 'open') return
    const { identity, session } = this.#client
    const { access } = this.#context
    if (access.isCurrent(identity)) {
      this.permissions = access.permissionsOf(session.userName, session.clientId)
    } else {
      this.end(ReasonCode.notAuthorized, 'its user was removed or has a new password')
    }
  }

  disconnected(hasWill: boolean): void {
    this.#leave('client disconnected', hasWill)
    this.#endSocket()
  }

  /** Ends the connection from the server's side, with a reason if the protocol can carry one. */
  end(reasonCode: number, reason: string): void {
    if (this.#hasLeft) return
    if (this.#client !== undefined) sendDisconnect(this.#client, reasonCode, reason)
    this.#leave(reason, true)
    this.#endSocket()
  }

  endSoon(refusal: Refusal): void {
    this.#deferred.endSoon(refusal)
  }

  /** Runs work that reads packets, then sends the acknowledgements that wait for no commit. */
  guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#violated(error)
    }
    this.#client?.flushFinishedAcks()
  }

  /** Runs work and charges what it has caused to the client. */
  metered(work: () => void): void {
    const meter = this.#context.broker.work
    const before = meter.done
    work()
    this.#throttle.charge(meter.done - before)
  }

  /** No packet waits any more. The client was not silent meanwhile: the server did not read. */
  caughtUp(): void {
    this.#timeouts.heard(this.#clock.monotonic())
    if (this.#isSocketGone) this.#closeUnlessWaiting()
  }

  endPartial(): void {
    const reason =
      'its packet is not complete, and packets in part take all their room (limits.maxPartialBytesOfAll)'
    if (this.#client === undefined) this.#refuse(reason)
    else this.end(ReasonCode.quotaExceeded, reason)
  }

  /** The client keeps the messages that are not acknowledged, connects again and resends them. */
  sendAway(refusal: Refusal): void {
    if (this.#hasLeft) return
    this.#client?.reportSentAway(refusal)
    this.end(ReasonCode.quotaExceeded, refusal.message)
  }

  /** Called about once a second: ends the connection if a time limit has passed. */
  sweep(nowMs: number): void {
    // Checking a password has a time limit of its own.
    if (this.#phase === 'identifying') return
    this.#timeouts.unread(nowMs, this.#writer.isBlocked, this.#writer.progress)
    const isReading = this.#readState.isReading && !this.#isSocketGone
    const verdict = this.#timeouts.verdict(nowMs, isReading)
    if (verdict === 'no CONNECT') {
      this.#refuse('no CONNECT in time')
    } else if (verdict === 'silent') {
      this.end(ReasonCode.keepAliveTimeout, 'nothing heard for 1.5 keep-alive intervals')
    } else if (verdict !== 'fine') {
      this.#leave('has read nothing for 30 s', true)
      this.#arrival.socket.destroy()
    }
  }

  #received(chunk: Buffer): void {
    if (this.#hasLeft) return
    this.#statistics.bytesReceived += chunk.length
    if (!this.#chunks.offer(chunk)) this.#handle(chunk)
  }

  #handle(chunk: Buffer): void {
    this.#timeouts.heard(this.#clock.monotonic())
    this.#throttle.countBytes(chunk.length)
    this.guarded(() => this.#reader.push(chunk))
    this.#countPartial()
    this.#throttle.chunkHandled(chunk.length)
    if (this.#isSocketGone) this.#closeUnlessWaiting()
  }

  #countPartial(): void {
    const { partialBytes, partials } = this.#reader
    const isNew = partials !== this.#partials
    if (!isNew && partialBytes === this.#partialBytes) return
    this.#partials = partials
    this.#partialBytes = partialBytes
    this.#context.broker.connectionBytes.partial.set(this, partialBytes, isNew)
  }

  /** A fault of the server's own code ends this connection and no other. */
  #violated(error: unknown): void {
    const violation = asViolation(error)
    const { remote } = this.#arrival
    this.#context.reports.clientRefused(remote, violation.message, this.#client?.session)
    if (violation instanceof RefusedConnect) this.#writer.add(violation.connack)
    if (this.#phase === 'new') this.#leave(violation.message, false)
    this.end(violation.reasonCode, violation.message)
    this.#endSocket()
  }

  #connect(type: number, first: number, bytes: Buffer, start: number, end: number): void {
    // [MQTT-3.1.0-1]
    if (type !== PacketType.connect) throw new ProtocolViolation('first packet is not CONNECT')
    const packet = readConnect(first, bytes, start, end, this.#context.limits)
    this.version = packet.version
    this.isBridge = packet.isBridge
    const hasLeft = () => this.#hasLeft
    const verdict = this.#context.access.identify({ ...this.#arrival, ...packet, hasLeft })
    if (!(verdict instanceof Promise)) {
      this.#answerConnect(packet, verdict)
      return
    }
    this.#phase = 'identifying'
    this.#deferred.lock()
    void verdict.then((later) => {
      if (this.#phase !== 'identifying') return
      this.guarded(() => this.#answerConnect(packet, later))
      this.#deferred.unlock()
    })
  }

  #answerConnect(packet: ConnectPacket, verdict: Identity | Denied): void {
    const context = this.#context
    const { commitGate } = context.broker
    const { changeCount } = commitGate
    const answer = handleConnect(packet, context, verdict)
    // CONNACK may only claim about the session what is still true after a power cut.
    const isChanged = commitGate.changeCount > changeCount
    if (isChanged) this.#writer.hold((release) => commitGate.whenDurable(release))
    this.#writer.add(answer.connack)
    if (answer.session === undefined) {
      this.#refuse(answer.reason, packet)
      return
    }
    const { session, identity, permissions } = answer
    this.#applySettings(packet)
    this.permissions = permissions
    const wantsReasons = packet.properties.requestProblemInformation !== 0
    this.#client = new Client({ context, session, link: this, identity, wantsReasons })
    this.#phase = 'open'
    this.#arrival.onConnected?.()
    this.#client.begin()
  }

  #applySettings(packet: ConnectPacket): void {
    const settings = clientSettings(packet, this.#context)
    this.#timeouts.admitted(this.#clock.monotonic(), settings.keepAliveMs)
    this.aliases = settings.aliases
    this.maxPacketBytes = settings.maxPacketBytes
    this.receiveMaximum = settings.receiveMaximum
  }

  #refuse(reason: string, client?: RefusedClient): void {
    this.#context.reports.clientRefused(this.#arrival.remote, reason, client)
    this.#leave(reason, false)
    this.#endSocket()
  }

  /** All bytes have left. */
  #drained(): void {
    if (this.#hasLeft) return
    this.#readState.resume(PauseReason.stalled)
    this.metered(() => this.#client?.drained())
  }

  /** Gives the session up. From here on packets are neither read nor sent. */
  #leave(reason: string, hasWill: boolean): void {
    if (this.#hasLeft) return
    this.#phase = 'ending'
    this.#timeouts.ended(this.#clock.monotonic())
    this.#deferred.close()
    this.#chunks.clear()
    this.#reader.close()
    this.#countPartial()
    this.#client?.end(reason, hasWill)
    this.aliases?.clear()
  }

  #endSocket(): void {
    this.#writer.end()
    this.#readState.discard()
    if (this.#isSocketGone) this.#close()
  }

  #socketClosed(): void {
    this.#isSocketGone = true
    this.#writer.discard()
    this.#deferred.abandon()
    this.#closeUnlessWaiting()
  }

  /** QoS 0 messages sent just before the client left are still taken in. */
  #closeUnlessWaiting(): void {
    const isWaiting = !this.#deferred.isEmpty || !this.#chunks.isEmpty
    if (!isWaiting || this.#phase !== 'open') this.#close()
  }

  #close(): void {
    if (this.#phase === 'closed') return
    this.#leave('connection closed', true)
    this.#phase = 'closed'
    this.#onClosed(this)
  }
}
