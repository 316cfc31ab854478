/** Packets that arrive faster than the server handles them: they wait, in bounded memory. */
import { attack, number } from '../support/attacks/attack.ts'
import { subscribesTo } from '../support/attacks/hostile-packets.ts'
import { frame, publishPacket } from '../support/mqtt/mqtt-wire.ts'

const BURST_BYTES = 190_000

attack('very many clients that send more than a turn handles hold bounded memory', {
  maxGrownMb: 350,
  against: ['defaults'],
  play: async (target) => {
    const listeners = await target.attackers(20, () => ({}))
    for (const listener of listeners) await listener.subscribe(...subscribesTo(['#']))
    const packet = publishPacket({ topic: 'a/b', payload: 'x'.repeat(100) })
    const burst = Buffer.concat(
      Array.from({ length: Math.ceil(BURST_BYTES / packet.length) }, () => packet),
    )
    const senders = await target.attackers(number(50, 300), () => ({}))
    for (const sender of senders) sender.socket.write(burst)
    await senders.at(-1)?.settled(number(500, 5_000))
    return undefined
  },
})

attack('pings without end behind a message delay only their sender', {
  maxGrownMb: 150,
  against: ['defaults'],
  play: async (target) => {
    const message = publishPacket({ topic: 'a/b', payload: 'x' })
    const pings = Buffer.concat(Array.from({ length: 32_000 }, () => frame(0xc0)))
    const senders = await target.attackers(number(2, 20), () => ({}))
    for (let round = 0; round < number(3, 30); round++) {
      for (const sender of senders) sender.socket.write(Buffer.concat([message, pings]))
      await senders.at(-1)?.settled(200)
    }
    return undefined
  },
})
