/** Retained messages: deep, many, and more than fits a queue. */
import assert from 'node:assert/strict'
import { attack, number } from '../support/attacks/attack.ts'
import { subscribesTo } from '../support/attacks/hostile-packets.ts'
import type { Target } from '../support/attacks/target.ts'
import { publishPacket } from '../support/mqtt/mqtt-wire.ts'

/** As deep as the defaults allow. */
const ALLOWED = 16
const DEEPEST = 220

/** Filters that all match every topic of `levels` levels. */
function wideFilters(count: number, levels: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const wildcards = Array.from({ length: index % levels }, () => '+')
    return [...wildcards, '#'].join('/')
  })
}

/** `levels` levels, all but the first one empty, in the fewest bytes. */
function topicOf(target: Target, levels: number, number: number): string {
  const first = target.hasRules ? `devices/attacker_1/${number}` : String(number)
  return first + '/'.repeat(levels - first.split('/').length)
}

async function retainAndSubscribe(target: Target, levels: number, count: number): Promise<void> {
  await target.flood(count, (index) =>
    publishPacket({ topic: topicOf(target, levels, index), payload: 'x', retain: true }),
  )
  const subscriber = await target.attacker({ clientId: 'attacker-subscriber' })
  await subscriber.send(Buffer.concat(subscribesTo(wideFilters(number(50, 1_000), levels))))
  await subscriber.until(() => false, number(700, 10_000))
}

attack('retained messages of very many levels cost no memory', {
  maxGrownMb: 60,
  play: async (target) => {
    await retainAndSubscribe(target, DEEPEST, number(2_000, 10_000))
    return undefined
  },
})

attack('retained messages as deep as allowed delay only the client that subscribes to them', {
  maxGrownMb: number(170, 220),
  isPlainInCi: true,
  play: async (target) => {
    await retainAndSubscribe(target, ALLOWED, number(4_000, 10_000))
    return undefined
  },
})

attack('a client that subscribes to more retained messages than fit a queue receives all of them', {
  maxGrownMb: 200,
  against: ['defaults'],
  play: async (target) => {
    const count = 130
    const payload = Buffer.alloc(100_000, 'x')
    await target.flood(count, (index) =>
      publishPacket({ topic: `a/${index}`, payload, retain: true }),
    )
    for (const qos of [0, 1] as const) {
      const client = await target.attacker({ clientId: `reader-${qos}` })
      client.onPacket = (packet) => {
        if ((packet[0] ?? 0) >> 4 !== 3 || qos === 0) return
        // The remaining length of these packets has three bytes.
        client.acknowledge(packet.readUInt16BE(6 + packet.readUInt16BE(4)))
      }
      await client.subscribe(...subscribesTo(['a/#'], { qos }))
      await client.until(() => (client.received[3] ?? 0) >= count, 3_000)
      assert.ok((client.received[3] ?? 0) >= count, `${client.received[3]} at QoS ${qos}`)
      assert.equal(client.isClosed, false)
      client.drop()
    }
    return undefined
  },
})
