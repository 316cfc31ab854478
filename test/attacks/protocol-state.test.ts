/** What MQTT lets a client ask the server to remember: packet ids, topic aliases. */
import assert from 'node:assert/strict'
import { attack, number } from '../support/attacks/attack.ts'
import { subscribesTo } from '../support/attacks/hostile-packets.ts'
import { publishPacket } from '../support/mqtt/mqtt-wire.ts'

const MAX_ALIASES = 256

attack('QoS 2 messages that are never released take little memory, up to all 65,535 packet ids', {
  maxGrownMb: number(80, 170),
  isPlainInCi: true,
  play: async (target) => {
    const topic = target.hasRules ? 'devices/attacker_1/a' : 'a'
    const clients = await target.attackers(number(5, 100))
    const many = Array.from({ length: number(8_000, 65_535) }, (_, index) =>
      publishPacket({ topic, qos: 2, id: index + 1 }),
    )
    const packets = Buffer.concat(many)
    for (const client of clients) await client.send(packets, 500)
    for (const client of clients) await client.settled(number(200, 1_000))
    return undefined
  },
})

attack('a subscriber that offers 65,535 topic aliases is given a bounded number', {
  maxGrownMb: number(80, 120),
  against: ['defaults'],
  play: async (target) => {
    let highest = 0
    const properties = [34, 0xff, 0xff]
    const subscriber = await target.attacker({ version: 5, clientId: 'aliases', properties })
    subscriber.onPacket = (packet) => {
      if (packet[0] === 0x30) highest = Math.max(highest, aliasOf(packet))
    }
    await subscriber.subscribe(...subscribesTo(['a/#'], { version: 5 }))
    const count = number(3_000, 60_000)
    const name = (index: number): string => `a/${'long-'.repeat(20)}${index}`
    await target.flood(count, (index) => publishPacket({ topic: name(index % (count / 2)) }))
    await subscriber.until(() => (subscriber.received[3] ?? 0) >= count, number(2_000, 20_000))
    assert.ok(highest > 0, 'no alias was used')
    assert.ok(highest <= MAX_ALIASES, `alias ${highest}`)
    return undefined
  },
})

/** The alias of a short PUBLISH at QoS 0; 0 without one. */
function aliasOf(packet: Buffer): number {
  const start = (packet[1] ?? 0) >= 0x80 ? 3 : 2
  const propertiesAt = start + 2 + packet.readUInt16BE(start)
  return packet[propertiesAt + 1] === 35 ? packet.readUInt16BE(propertiesAt + 2) : 0
}
