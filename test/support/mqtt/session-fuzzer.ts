/**
 * Generates the bytes of a client's whole session, sometimes valid and often not: packets of every
 * kind, with few different topics, packet ids and client ids, so that sessions affect each other.
 * Then bytes are changed, and the stream is cut anywhere. The same seed gives the same sessions.
 */
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

const NAMES = ['a', 'a/b', 'a/b/c', 'iotanalytics/channels/c/messages/binary/put', 'ü/☃'] as const
const FILTERS = ['a', 'a/#', '+', '+/b', '#', '$share/g/a/#', '$SYS/#', 'ü/+'] as const
/** Texts that are invalid as a topic, as a filter or as both. */
const WRONG = ['', 'a/#', '+', '$share//a', 'a#', 'x'.repeat(300), 'a\u0000b'] as const
const LONGEST_PIECE = 2_000
/** Sending longer streams in single bytes would take too long. */
const BYTE_BY_BYTE_UP_TO = 1_000

export class SessionFuzzer {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1
  }

  next(): FuzzedSession {
    const version = this.#oneOf([3, 4, 4, 5, 5, 5] as const)
    const parts = [this.#connect(version)]
    for (let i = this.#below(40); i > 0; i--) parts.push(this.#packet(version))
    const stream = Buffer.concat(parts)
    if (this.#isOneIn(3)) {
      for (let i = 1 + this.#below(4); i > 0; i--) {
        stream[this.#below(stream.length)] = this.#below(256)
      }
    }
    return {
      pieces: this.#cut(stream),
      packets: parts.length,
      isPolite: this.#isOneIn(2),
      isReading: !this.#isOneIn(4),
    }
  }

  #connect(version: 3 | 4 | 5): Buffer {
    const properties = this.#oneOf([
      [],
      [17, 0, 0, 0, this.#below(3)],
      [33, 0, 1 + this.#below(3)],
      [34, 0, 2],
      [39, 0, 0, 0, 20 + this.#below(50)],
    ])
    return connectPacket({
      clientId: `fuzz-${this.#below(20)}`,
      version,
      isClean: this.#isOneIn(2),
      keepAliveS: this.#below(5),
      properties,
      ...(this.#isOneIn(3) && {
        will: {
          topic: this.#name(),
          payload: 'x'.repeat(this.#below(this.#isOneIn(20) ? 20_000 : 10)),
          qos: this.#below(3),
          properties: this.#oneOf([
            [],
            [24, 0, 0, 0, this.#below(3)],
            [38, 0, 1, 97, 0, 1, 98, 2, 0, 0, 0, 9, 3, 0, 1, 116],
            this.#userProperties(),
          ]),
        },
      }),
    })
  }

  #packet(version: 3 | 4 | 5): Buffer {
    const id = this.#isOneIn(20) ? 0 : 1 + this.#below(4)
    const isFive = version === 5
    switch (this.#below(12)) {
      case 0:
      case 1:
      case 2:
        return publishPacket({
          topic: this.#name(),
          payload: Buffer.alloc(this.#below(this.#isOneIn(5) ? 3_000 : 50)),
          qos: this.#oneOf([0, 1, 2] as const),
          id,
          retain: this.#isOneIn(3),
          isDuplicate: this.#isOneIn(20),
          ...(isFive && { properties: this.#publishProperties() }),
        })
      case 3:
        return frame(0x62, [0, id])
      case 4:
      case 5:
        return subscribePacket(
          id,
          {
            [this.#filter()]: this.#below(3),
            [this.#filter()]: this.#below(this.#isOneIn(8) ? 64 : 3),
          },
          isFive ? this.#oneOf([[], [11, 1 + this.#below(9)]]) : undefined,
        )
      case 6:
        return frame(0xa2, [0, id], isFive ? [0] : [], this.#filter())
      case 7:
        return PINGREQ
      case 8:
        return frame(this.#oneOf([0x40, 0x50, 0x70]), [0, id])
      case 9:
        return frame(
          this.#oneOf([0x40, 0x50, 0x70]),
          [0, id],
          isFive ? [this.#oneOf([0, 0, 0, 0x10, 0x80, 0x97, this.#below(256)])] : [],
        )
      case 10:
        return this.#isOneIn(10) ? frame(0xe0) : PINGREQ
      default:
        return this.#isOneIn(5) ? this.#noise() : PINGREQ
    }
  }

  #publishProperties(): number[] {
    return this.#oneOf([
      [],
      [35, 0, 1 + this.#below(this.#isOneIn(5) ? 11 : 3)],
      [2, 0, 0, 0, this.#below(3)],
      [38, 0, 1, 97, 0, 1, 98],
      [38, 0, 1, 97, 0, 1, 98, 2, 0, 0, 0, 9, 38, 0, 1, 97, 0, 0, 35, 0, 1, 3, 0, 1, 116],
      this.#userProperties(),
      [8, 0, 2, 97, 47, 9, 0, 1, 1],
      [1, this.#below(this.#isOneIn(5) ? 3 : 2)],
    ])
  }

  /** Now and then more than a packet may have. */
  #userProperties(): number[] {
    const count = this.#below(this.#isOneIn(20) ? 120 : 5)
    return Array.from({ length: count }, () => property.userProperty('n', 'v'.repeat(3))).flat()
  }

  #noise(): Buffer {
    return Buffer.from(Array.from({ length: this.#below(20) }, () => this.#below(256)))
  }

  /** Byte by byte, in some pieces, or all at once. */
  #cut(stream: Buffer): Buffer[] {
    const finest = stream.length > BYTE_BY_BYTE_UP_TO ? 200 : 1
    const longest = this.#oneOf([finest, finest * 20, LONGEST_PIECE, stream.length])
    const pieces: Buffer[] = []
    for (let at = 0; at < stream.length; ) {
      const length = 1 + this.#below(longest)
      pieces.push(stream.subarray(at, at + length))
      at += length
    }
    return pieces
  }

  #name(): string {
    return this.#oneOf(this.#isOneIn(20) ? WRONG : NAMES)
  }

  #filter(): string {
    return this.#oneOf(this.#isOneIn(20) ? WRONG : FILTERS)
  }

  #oneOf<T>(values: readonly [T, ...T[]]): T {
    return values[this.#below(values.length)] ?? values[0]
  }

  #isOneIn(count: number): boolean {
    return this.#below(count) === 0
  }

  /** xorshift32: good enough to mix, and the same on every machine. */
  #below(limit: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x >>> 0
    return this.#state % limit
  }
}
