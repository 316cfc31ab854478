/** Filters: many, deep, shared, and topics that are made to match as slowly as possible. */
import { attack, number } from '../support/attacks/attack.ts'
import { deepFilter, deepTopic, subscribesTo } from '../support/attacks/hostile-packets.ts'
import { publishPacket } from '../support/mqtt/mqtt-wire.ts'

const DEEPEST = 255
/** As deep as the defaults allow. */
const ALLOWED = 16

function filters(count: number, levels: number, client: number): string[] {
  const first = (index: number): string => (client * count + index).toString(36)
  return Array.from({ length: count }, (_, index) => deepFilter(levels, first(index)))
}

attack('filters of very many levels cost no memory, and do not delay a start', {
  maxGrownMb: 100,
  isPlainInCi: true,
  isRestarted: true,
  play: async (target) => {
    const clients = await target.attackers(number(2, 14), () => ({ isClean: false }))
    for (const [index, client] of clients.entries()) {
      await client.subscribe(...subscribesTo(filters(1_000, DEEPEST, index)))
    }
    return undefined
  },
})

attack('filters as deep as allowed, of many clients, stay within the bound of all', {
  maxGrownMb: 250,
  isPlainInCi: true,
  isRestarted: true,
  play: async (target) => {
    const clients = await target.attackers(number(8, 80), () => ({ isClean: false }))
    for (const [index, client] of clients.entries()) {
      await client.subscribe(...subscribesTo(filters(1_000, ALLOWED, index)))
    }
    return undefined
  },
})

for (const levels of [127, ALLOWED]) {
  attack(`a topic of ${levels} levels that nearly matches many filters delays only its sender`, {
    maxGrownMb: 100,
    isPlainInCi: true,
    play: async (target) => {
      const subscriber = await target.attacker({ clientId: 'attacker-subscriber' })
      const mixed = Array.from({ length: 1_000 }, (_, index) =>
        Array.from({ length: levels }, (_, at) => ((index >> (at % 10)) & 1 ? '+' : 'a')).join('/'),
      )
      await subscriber.subscribe(...subscribesTo(mixed))
      const publisher = await target.attacker()
      const packets: Buffer[] = []
      for (let bytes = 0, index = 0; bytes < number(30_000, 600_000); index++) {
        const packet = publishPacket({ topic: deepTopic(levels, index) })
        packets.push(packet)
        bytes += packet.length
      }
      await publisher.send(Buffer.concat(packets))
      await publisher.settled(number(1_000, 10_000))
      return undefined
    },
  })
}

attack('a message for very many shared subscriptions delays only its sender', {
  maxGrownMb: 150,
  isPlainInCi: true,
  play: async (target) => {
    const clients = await target.attackers(5, () => ({ version: 5 }))
    for (const [index, client] of clients.entries()) {
      const shared = Array.from({ length: 1_000 }, (_, group) => `$share/g${index}-${group}/#`)
      await client.subscribe(...subscribesTo(shared, { version: 5 }))
    }
    const publisher = await target.attacker()
    const packets = Array.from({ length: number(1_000, 40_000) }, () =>
      publishPacket({ topic: target.hasRules ? 'devices/attacker_1/a' : 'a' }),
    )
    await publisher.send(Buffer.concat(packets))
    await publisher.settled(number(1_000, 20_000))
    return undefined
  },
})

attack('a message for very many subscribers delays only its sender', {
  maxGrownMb: 200,
  isPlainInCi: true,
  play: async (target) => {
    const filter = target.hasRules ? 'commands/attacker_1' : 'a'
    const clients = await target.attackers(number(target.hasRules ? 50 : 200, 1_000))
    for (const client of clients) await client.subscribe(...subscribesTo([filter]))
    const publisher = await target.attacker()
    const packets = Array.from({ length: number(2_000, 20_000) }, () =>
      publishPacket({ topic: 'a' }),
    )
    await publisher.send(Buffer.concat(packets))
    await publisher.settled(number(1_000, 20_000))
    return undefined
  },
})
