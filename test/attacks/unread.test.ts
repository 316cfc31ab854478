/** Clients that subscribe and do not read, or do not come back. */
import { attack, number } from '../support/attacks/attack.ts'
import { subscribesTo } from '../support/attacks/hostile-packets.ts'
import type { Target } from '../support/attacks/target.ts'
import { frame, publishPacket } from '../support/mqtt/mqtt-wire.ts'

const RECEIPTS = 'iotanalytics/messages/put/status'

interface LoudTopic {
  readonly filter: string
  readonly packet: (id: number) => Buffer
}

/** What an attacker may subscribe to, and packets that make the server send that many bytes there. */
function loudTopic(target: Target, bytes = 100_000): LoudTopic {
  const large = 'x'.repeat(bytes)
  if (!target.hasRules) {
    const packet = (id: number) => publishPacket({ topic: 'a', payload: large, qos: 1, id })
    return { filter: 'a', packet }
  }
  // The receipt of a refused message names its id.
  const payload = JSON.stringify({ request: {}, id: large })
  const packet = (id: number) =>
    publishPacket({ topic: target.attackersTopic, payload, qos: 1, id })
  return { filter: RECEIPTS, packet }
}

attack('subscribers that do not read share a bound on the bytes that wait for them', {
  maxGrownMb: 170,
  // Under the rules refused messages are the only ones that reach subscribers; they need no disk.
  config: { deadLetters: false },
  hasSubscriber: true,
  play: async (target) => {
    const { filter, packet } = loudTopic(target)
    const readers = await target.attackers(number(60, 200))
    for (const reader of readers) {
      await reader.subscribe(...subscribesTo([filter]))
      reader.stopReading()
    }
    await target.flood(number(110, 200), (index) => packet(index + 1))
    return undefined
  },
})

attack('very small messages that are not read hold little more than their bytes', {
  maxGrownMb: 170,
  isPlainInCi: true,
  hasSubscriber: true,
  play: async (target) => {
    const readers = await target.attackers(number(4, 10))
    for (const reader of readers) {
      await reader.subscribe(...subscribesTo(['a']))
      reader.stopReading()
    }
    // These fill what the kernel keeps for a socket.
    const large = publishPacket({ topic: 'a', payload: Buffer.alloc(100_000) })
    await target.flood(25, () => large)
    const many = Buffer.concat(Array.from({ length: 1_000 }, () => publishPacket({ topic: 'a' })))
    await target.flood(number(200, 3_000), () => many)
    return undefined
  },
})

attack('clients with full queues do not take the place of a subscriber that keeps up', {
  maxGrownMb: 300,
  hasSubscriber: true,
  play: async (target) => {
    const { filter, packet } = loudTopic(target)
    const sleepers = await target.attackers(18, () => ({ isClean: false }))
    for (const sleeper of sleepers) {
      await sleeper.subscribe(...subscribesTo([filter], { qos: 1 }))
      sleeper.socket.end(frame(0xe0))
      await sleeper.closed
    }
    await target.flood(number(100, 500), (index) => packet(index + 1))
    // These fill what is left.
    for (const bytes of [1_000, 10]) {
      const small = loudTopic(target, bytes)
      await target.flood(300, (index) => small.packet(index + 1))
    }
    return undefined
  },
})
