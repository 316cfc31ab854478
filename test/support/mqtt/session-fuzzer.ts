/**
 * Generates the bytes of a client's whole session, sometimes valid and often not: packets of every
 * kind, with few different topics, packet ids and client ids, so that sessions affect each other.
 * Then bytes are changed, and the stream is cut anywhere. The same seed gives the same sessions.
 */
import { Random } from '../random.ts'
import { connectPacket, frame, PINGREQ, publishPacket, subscribePacket } from './mqtt-wire.ts'
import { property } from './property.ts'

export interface FuzzedSession {
  /** The bytes the client sends, in pieces. */
  readonly pieces: readonly Buffer[]
  /** The number of packets in them, before bytes were changed. */
  readonly packets: number
  /** Whether the client ends its side at the end, or resets the connection. */
  readonly isPolite: boolean
  /** Whether the client reads. */
  readonly isReading: boolean
}

/** More levels than the server lets a topic have, and as many as it does. */
const TOO_DEEP = `a${'/b'.repeat(40)}`
const DEEP = `a${'/b'.repeat(14)}`
const NAMES = [
  'a',
  'a/b',
  'a/b/c',
  'iotanalytics/channels/c/messages/binary/put',
  'ü/☃',
  DEEP,
] as const
const FILTERS = ['a', 'a/#', '+', '+/b', '#', '$share/g/a/#', '$SYS/#', 'ü/+', `+/${DEEP}`] as const
/** Texts that are invalid as a topic, as a filter or as both. */
const WRONG = ['', 'a/#', '+', '$share//a', 'a#', 'x'.repeat(300), 'a\u0000b', TOO_DEEP] as const
const LONGEST_PIECE = 2_000
/** Sending longer streams in single bytes would take too long. */
const BYTE_BY_BYTE_UP_TO = 1_000

export class SessionFuzzer {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  next(): FuzzedSession {
    const version = this.#random.oneOf([3, 4, 4, 5, 5, 5] as const)
    const parts = [this.#connect(version)]
    for (let i = this.#random.below(40); i > 0; i--) parts.push(this.#packet(version))
    const stream = Buffer.concat(parts)
    if (this.#random.isOneIn(3)) {
      for (let i = 1 + this.#random.below(4); i > 0; i--) {
        stream[this.#random.below(stream.length)] = this.#random.below(256)
      }
    }
    return {
      pieces: this.#cut(stream),
      packets: parts.length,
      isPolite: this.#random.isOneIn(2),
      isReading: !this.#random.isOneIn(4),
    }
  }

  #connect(version: 3 | 4 | 5): Buffer {
    const properties = this.#random.oneOf([
      [],
      [17, 0, 0, 0, this.#random.below(3)],
      [33, 0, 1 + this.#random.below(3)],
      [34, 0, 2],
      [39, 0, 0, 0, 20 + this.#random.below(50)],
    ])
    return connectPacket({
      clientId: `fuzz-${this.#random.below(20)}`,
      version,
      isClean: this.#random.isOneIn(2),
      keepAliveS: this.#random.below(5),
      properties,
      ...(this.#random.isOneIn(3) && {
        will: {
          topic: this.#name(),
          payload: 'x'.repeat(this.#random.below(this.#random.isOneIn(20) ? 20_000 : 10)),
          qos: this.#random.below(3),
          properties: this.#random.oneOf([
            [],
            [24, 0, 0, 0, this.#random.below(3)],
            [38, 0, 1, 97, 0, 1, 98, 2, 0, 0, 0, 9, 3, 0, 1, 116],
            this.#userProperties(),
          ]),
        },
      }),
    })
  }

  #packet(version: 3 | 4 | 5): Buffer {
    const id = this.#random.isOneIn(20) ? 0 : 1 + this.#random.below(4)
    const isFive = version === 5
    switch (this.#random.below(12)) {
      case 0:
      case 1:
      case 2:
        return publishPacket({
          topic: this.#name(),
          payload: Buffer.alloc(this.#random.below(this.#random.isOneIn(5) ? 3_000 : 50)),
          qos: this.#random.oneOf([0, 1, 2] as const),
          id,
          retain: this.#random.isOneIn(3),
          isDuplicate: this.#random.isOneIn(20),
          ...(isFive && { properties: this.#publishProperties() }),
        })
      case 3:
        return frame(0x62, [0, id])
      case 4:
      case 5:
        return subscribePacket(
          id,
          {
            [this.#filter()]: this.#random.below(3),
            [this.#filter()]: this.#random.below(this.#random.isOneIn(8) ? 64 : 3),
          },
          isFive ? this.#random.oneOf([[], [11, 1 + this.#random.below(9)]]) : undefined,
        )
      case 6:
        return frame(0xa2, [0, id], isFive ? [0] : [], this.#filter())
      case 7:
        return PINGREQ
      case 8:
        return frame(this.#random.oneOf([0x40, 0x50, 0x70]), [0, id])
      case 9:
        return frame(
          this.#random.oneOf([0x40, 0x50, 0x70]),
          [0, id],
          isFive ? [this.#random.oneOf([0, 0, 0, 0x10, 0x80, 0x97, this.#random.below(256)])] : [],
        )
      case 10:
        return this.#random.isOneIn(10) ? frame(0xe0) : PINGREQ
      default:
        return this.#random.isOneIn(5) ? this.#noise() : PINGREQ
    }
  }

  #publishProperties(): number[] {
    return this.#random.oneOf([
      [],
      [35, 0, 1 + this.#random.below(this.#random.isOneIn(5) ? 11 : 3)],
      [2, 0, 0, 0, this.#random.below(3)],
      [38, 0, 1, 97, 0, 1, 98],
      [38, 0, 1, 97, 0, 1, 98, 2, 0, 0, 0, 9, 38, 0, 1, 97, 0, 0, 35, 0, 1, 3, 0, 1, 116],
      this.#userProperties(),
      [8, 0, 2, 97, 47, 9, 0, 1, 1],
      [1, this.#random.below(this.#random.isOneIn(5) ? 3 : 2)],
    ])
  }

  /** Now and then more than a packet may have. */
  #userProperties(): number[] {
    const count = this.#random.below(this.#random.isOneIn(20) ? 120 : 5)
    return Array.from({ length: count }, () => property.userProperty('n', 'v'.repeat(3))).flat()
  }

  #noise(): Buffer {
    return Buffer.from(
      Array.from({ length: this.#random.below(20) }, () => this.#random.below(256)),
    )
  }

  /** Byte by byte, in some pieces, or all at once. */
  #cut(stream: Buffer): Buffer[] {
    const finest = stream.length > BYTE_BY_BYTE_UP_TO ? 200 : 1
    const longest = this.#random.oneOf([finest, finest * 20, LONGEST_PIECE, stream.length])
    const pieces: Buffer[] = []
    for (let at = 0; at < stream.length; ) {
      const length = 1 + this.#random.below(longest)
      pieces.push(stream.subarray(at, at + length))
      at += length
    }
    return pieces
  }

  #name(): string {
    return this.#random.oneOf(this.#random.isOneIn(20) ? WRONG : NAMES)
  }

  #filter(): string {
    return this.#random.oneOf(this.#random.isOneIn(20) ? WRONG : FILTERS)
  }
}
