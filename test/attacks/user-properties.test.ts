/** MQTT 5 user properties: as many as a packet can hold, in every packet that may carry them. */
import { attack, number } from '../support/attacks/attack.ts'
import {
  connectFive,
  publishFive,
  subscribesTo,
  userProperties,
} from '../support/attacks/hostile-packets.ts'
import { WireClient } from '../support/attacks/wire-client.ts'

const MANY = 38_000

attack('messages with very many user properties delay only their sender', {
  maxGrownMb: 150,
  play: async (target) => {
    const topic = target.hasRules ? target.attackersTopic : 'a'
    const filter = target.hasRules ? 'commands/attacker_1' : 'a'
    const listeners = await target.attackers(number(4, 10), () => ({ version: 5 }))
    for (const listener of listeners)
      await listener.subscribe(...subscribesTo([filter], { version: 5 }))
    const packet = publishFive(topic, userProperties(MANY), 'x')
    for (let round = 0; round < number(10, 100); round++) {
      const publisher = await target.stranger({ version: 5 })
      await publisher.send(packet)
      await publisher.send(packet)
      await publisher.settled(500)
      publisher.drop()
    }
    return undefined
  },
})

attack('CONNECT with very many user properties is refused before the password is checked', {
  maxGrownMb: 100,
  isPlainInCi: true,
  play: async (target) => {
    const way = target.way('attacker_1')
    const packet = connectFive('stranger', userProperties(MANY), undefined, {
      userName: 'nobody',
      password: 'guess',
    })
    for (let round = 0; round < number(25, 500); round++) {
      const stranger = await WireClient.open(way)
      await stranger.send(packet)
      await stranger.until(() => stranger.received[2] === 1, 1_000)
      stranger.drop()
    }
    return undefined
  },
})

attack('wills with very many user properties hold little memory', {
  maxGrownMb: 120,
  play: async (target) => {
    const { userName, password } = target.way('attacker_1')
    const topic = target.hasRules ? 'devices/attacker_1/will' : 'a'
    const will = { topic, payload: Buffer.from('gone'), properties: userProperties(MANY) }
    for (let index = 0; index < number(40, 1_000); index++) {
      const client = await WireClient.open(target.way('attacker_1'))
      const id = `attacker-${index}`
      await client.send(connectFive(id, Buffer.alloc(0), will, { userName, password }))
      await client.until(() => client.received[2] === 1, 1_000)
    }
    return undefined
  },
})

attack('wills as large as allowed, of many clients, hold bounded memory', {
  maxGrownMb: 200,
  isPlainInCi: true,
  play: async (target) => {
    const { userName, password } = target.way('attacker_1')
    const topic = target.hasRules ? 'devices/attacker_1/will' : 'a'
    const will = { topic, payload: Buffer.alloc(15_000), properties: userProperties(100) }
    for (let index = 0; index < number(100, 5_000); index++) {
      const client = await WireClient.open(target.way('attacker_1'))
      const id = `attacker-${index}`
      await client.send(connectFive(id, Buffer.alloc(0), will, { userName, password }))
      await client.until(() => client.received[2] === 1, 1_000)
    }
    return undefined
  },
})
