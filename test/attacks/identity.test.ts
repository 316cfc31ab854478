/** Users that take what belongs to others: client ids, sessions, rights they no longer have. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { attack } from '../support/attacks/attack.ts'
import { subscribesTo } from '../support/attacks/hostile-packets.ts'
import type { Target } from '../support/attacks/target.ts'
import type { WireClient } from '../support/attacks/wire-client.ts'
import { frame } from '../support/mqtt/mqtt-wire.ts'

const SESSION = { clientId: 'pump', isClean: false }

async function leave(client: WireClient): Promise<void> {
  client.socket.end(frame(0xe0))
  await client.closed
}

/** A session with a subscription, whose client is away. */
async function leaveSession(target: Target): Promise<void> {
  const victim = await target.attacker({ ...target.plainWay('victim_1'), ...SESSION })
  await victim.subscribe(...subscribesTo(['commands/victim_1'], { qos: 1 }))
  await leave(victim)
}

/** The operator sends a command; the user of the session comes back and gets it. */
async function assertSessionIsKept(target: Target): Promise<void> {
  const operator = await target.attacker({ ...target.plainWay('operator'), clientId: 'operator' })
  operator.publish({ topic: 'commands/victim_1', payload: 'start', qos: 1 })
  await operator.settled()
  const victim = await target.stranger({ ...target.plainWay('victim_1'), ...SESSION })
  assert.match(victim.lastPacket, /^20020100|^32/, 'the session is gone')
  await victim.until(() => victim.received[3] === 1, 2_000)
  assert.equal(victim.received[3], 1, 'the message of the session is gone')
}

attack('a user with the client id of another takes neither its session nor its place', {
  maxGrownMb: 60,
  against: ['rules'],
  play: async (target) => {
    await leaveSession(target)
    const thief = await target.stranger({ ...target.plainWay('attacker_1'), clientId: 'pump' })
    await thief.settled(1_000)
    await assertSessionIsKept(target)
    return undefined
  },
})

attack('a user with very many sessions loses its own, not those of others', {
  maxGrownMb: 100,
  against: ['rules'],
  play: async (target) => {
    await leaveSession(target)
    const way = target.plainWay('attacker_1')
    const many = await target.attackers(1_010, () => ({ ...way, isClean: false }))
    await Promise.all(many.map(leave))
    await assertSessionIsKept(target)
    return undefined
  },
})

const OPERATOR = '- { user: operator, publish: [commands/#], subscribe: ["#"] }\n'
const DEVICES = `- { user: "*", publish: ["iotanalytics/channels/%u/messages/put", "devices/%u/#"] }\n`

attack('a right that is taken away covers no will that was left before', {
  maxGrownMb: 60,
  against: ['defaults'],
  hasUsers: true,
  config: { sources: { mqttServer: { aclFile: 'acl.yaml' } } },
  files: { 'acl.yaml': OPERATOR + DEVICES },
  play: async (target) => {
    const operator = await target.attacker({ ...target.plainWay('operator'), clientId: 'op' })
    await operator.subscribe(...subscribesTo(['devices/#'], { qos: 0 }))
    const will = { topic: 'devices/attacker_1/will', payload: 'gone' }
    const device = await target.attacker({ ...target.plainWay('attacker_1'), will })
    device.publish({ topic: 'devices/attacker_1/on', payload: 'x' })
    await operator.until(() => operator.received[3] === 1)
    assert.equal(operator.received[3], 1, 'the right is there at first')

    const others = DEVICES.replace('"*"', 'polite_1')
    writeFileSync(target.pathOf('acl.yaml'), OPERATOR + others)
    target.program.reload()
    await setTimeout(500)
    device.drop()
    await setTimeout(300)
    await operator.settled()

    assert.equal(operator.received[3], 1, 'the will went out')
    return undefined
  },
})
