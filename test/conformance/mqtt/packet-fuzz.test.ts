/**
 * Random bytes for the readers of packets, without a server around them: hundreds of thousands of
 * packets a second. `FUZZ_PACKETS=10000000 npm run fuzz` reads that many, `FUZZ_SEED=…` others.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS } from '../../../src/sources/mqtt-server/limits/limits.ts'
import { readConnect } from '../../../src/sources/mqtt-server/packets/connect-packet.ts'
import {
  readAcknowledgement,
  readDisconnect,
} from '../../../src/sources/mqtt-server/packets/control-packets.ts'
import { FrameReader } from '../../../src/sources/mqtt-server/packets/frame-reader.ts'
import {
  PacketType,
  type ProtocolVersion,
} from '../../../src/sources/mqtt-server/packets/protocol.ts'
import { ProtocolViolation } from '../../../src/sources/mqtt-server/packets/protocol-violation.ts'
import { PublishPacket } from '../../../src/sources/mqtt-server/packets/publish-packet.ts'
import {
  readSubscribe,
  readUnsubscribe,
} from '../../../src/sources/mqtt-server/packets/subscribe-packet.ts'
import { SessionFuzzer } from '../../support/mqtt/session-fuzzer.ts'
import { Random } from '../../support/random.ts'

const PACKETS = Number(process.env['FUZZ_PACKETS'] ?? 100_000)
const SEED = Number(process.env['FUZZ_SEED'] ?? 1)
const ROUNDS = 100
const { maxPacketBytes } = DEFAULT_LIMITS

/** Reads every packet of a stream, also behind one that is wrong. */
class AllPackets {
  readonly #publish = new PublishPacket()
  #version: ProtocolVersion = 5
  read = 0
  refused = 0

  frame(first: number, bytes: Buffer, start: number, end: number): boolean {
    this.read++
    try {
      this.#read(first, bytes, start, end)
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error
      this.refused++
    }
    return true
  }

  #read(first: number, bytes: Buffer, start: number, end: number): void {
    const type = first >> 4
    const rest = [bytes, start, end, this.#version, DEFAULT_LIMITS] as const
    if (type === PacketType.connect) {
      this.#version = readConnect(first, bytes, start, end, DEFAULT_LIMITS).version
    } else if (type === PacketType.publish) this.#publish.read(first, ...rest)
    else if (type === PacketType.subscribe) readSubscribe(...rest)
    else if (type === PacketType.unsubscribe) readUnsubscribe(...rest)
    else if (type === PacketType.disconnect) readDisconnect(...rest)
    else if (type >= PacketType.puback && type <= PacketType.pubcomp) {
      readAcknowledgement(type as Parameters<typeof readAcknowledgement>[0], ...rest)
    }
  }
}

/** Whether the stream can be cut into packets to its end. */
function isReadable(packets: AllPackets, ...pieces: readonly Buffer[]): boolean {
  const reader = new FrameReader(packets, maxPacketBytes)
  try {
    for (const piece of pieces) reader.push(piece)
    return true
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error
    return false
  }
}

test('random packets are read or are violations of the protocol, and nothing else', {
  timeout: 3_600_000,
}, (t) => {
  const fuzzer = new SessionFuzzer(SEED)
  const random = new Random(SEED)
  const packets = new AllPackets()
  // Most of the time would go into stacks that nobody reads.
  Error.stackTraceLimit = 0
  const startMs = performance.now()
  let broken = 0

  while (packets.read < PACKETS) {
    const stream = Buffer.concat(fuzzer.next().pieces)
    // Making a session costs more than reading it, so each is read many times, ever more changed.
    for (let round = 0; round < ROUNDS; round++) {
      const cut = random.below(stream.length)
      if (!isReadable(packets, stream.subarray(0, cut), stream.subarray(cut))) broken++
      const at = random.below(stream.length)
      // Few packets survive a change of their lengths: most changes are of a single bit.
      stream[at] = (stream[at] ?? 0) ^ (1 << random.below(8))
    }
  }

  const seconds = (performance.now() - startMs) / 1000
  t.diagnostic(`${packets.read} packets, ${packets.refused} of them refused, ${broken} streams`)
  t.diagnostic(`that could not go on, in ${seconds.toFixed(1)} s`)
  assert.ok(packets.refused > 0 && packets.refused < packets.read)
})
