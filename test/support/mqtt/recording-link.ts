/** The connection of a session: keeps the packets that are sent, decoded. */
import { type Packet, parser } from 'mqtt-packet'
import type { Refusal } from '../../../src/message.ts'
import {
  everythingPermitted,
  type Permissions,
} from '../../../src/sources/mqtt-server/access/access-control.ts'
import type { ProtocolVersion } from '../../../src/sources/mqtt-server/packets/protocol.ts'
import type { Link } from '../../../src/sources/mqtt-server/sessions/link.ts'
import type { TopicAliases } from '../../../src/sources/mqtt-server/topics/topic-aliases.ts'

export interface LinkSettings {
  readonly version?: ProtocolVersion
  readonly receiveMaximum?: number
  readonly maxPacketBytes?: number
  readonly address?: string
}

export class RecordingLink implements Link {
  readonly version: ProtocolVersion
  readonly address: string
  readonly transport = 'mqtt'
  readonly heardAt = 0
  readonly isBridge = false
  readonly maxPacketBytes: number
  readonly receiveMaximum: number
  readonly aliases: TopicAliases | undefined = undefined
  readonly permissions: Permissions = everythingPermitted
  readonly isLeaving = false
  isCongested = false
  /** Set by `end`. */
  ended: { readonly reasonCode: number; readonly reason: string } | undefined
  endsSoon: Refusal | undefined
  /** Work charged so far. */
  charged = 0
  #packets: Packet[] = []

  constructor(settings: LinkSettings = {}) {
    this.version = settings.version ?? 4
    this.address = settings.address ?? '192.0.2.1'
    this.receiveMaximum = settings.receiveMaximum ?? 65_535
    this.maxPacketBytes = settings.maxPacketBytes ?? Number.POSITIVE_INFINITY
  }

  send(bytes: Buffer): void {
    const decoder = parser({ protocolVersion: this.version })
    decoder.on('packet', (packet) => this.#packets.push(packet))
    decoder.parse(bytes)
  }

  /** The packets sent since the last call, each as a line: `publish a 1 qos1 dup`, `puback 2 code 151`. */
  take(): string[] {
    const lines = this.#packets.map(describe)
    this.#packets = []
    return lines
  }

  charge(work: number): void {
    this.charged += work
  }

  inTurns(step: () => boolean): void {
    while (!step()) {
      // Until all work is done.
    }
  }

  nextTurn(call: () => void): void {
    setImmediate(call)
  }

  disconnected(): void {}

  end(reasonCode: number, reason: string): void {
    this.ended ??= { reasonCode, reason }
  }

  endSoon(refusal: Refusal): void {
    this.endsSoon = refusal
  }
}

function describe(packet: Packet): string {
  if (packet.cmd !== 'publish') {
    const { cmd, messageId = '' } = packet
    const code = 'reasonCode' in packet && packet.reasonCode ? `code ${packet.reasonCode}` : ''
    return `${cmd} ${messageId} ${code}`.trim()
  }
  const { payload, qos, messageId, dup, retain } = packet
  const id = qos === 0 ? [] : [`${messageId}`]
  const flags = [...(dup ? ['dup'] : []), ...(retain ? ['retain'] : [])]
  return ['publish', payload.toString(), ...id, `qos${qos}`, ...flags].join(' ')
}
