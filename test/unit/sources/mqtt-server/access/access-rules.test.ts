/** Access rules: for PUBLISH, SUBSCRIBE, wills and response topics, and rules that change. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import type { ConnectorError } from '../../../../../src/errors.ts'
import { permissionsFor } from '../../../../../src/sources/mqtt-server/access/access-list.ts'
import { accessRules } from '../../../../../src/sources/mqtt-server/access/access-rule.ts'
import { temporaryFile } from '../../../../support/disk/temporary-file.ts'
import { type ServerParts, startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import {
  connectPacket,
  publishPacket,
  subscribePacket,
  text,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { passwordFile } from '../../../../support/processes/password-file.ts'
import { commandOf, skipWithout } from '../../../../support/processes/real-peers.ts'

const RULES = accessRules.parse([
  { user: 'operator', publish: ['commands/#'], subscribe: ['#', '$SYS/#'] },
  { publish: ['devices/+/secret'], subscribe: ['devices/+/secret'], deny: true },
  { user: '*', publish: ['devices/%u/#'], subscribe: ['devices/%u/#', 'commands/%u', 'news/+'] },
  { user: '*', clientId: '%u-*', publish: ['clients/%c/state'] },
  { anonymous: true, publish: ['iotanalytics/channels/public/messages/put'] },
  { subscribe: ['iotanalytics/messages/put/status'] },
])

/** user or anonymous, client id, what, topic or filter, allowed */
const TABLE = [
  ['operator', 'x', 'publish', 'commands/pump', true],
  ['operator', 'x', 'publish', 'devices/pump/a', false],
  ['operator', 'x', 'subscribe', '#', true],
  ['operator', 'x', 'subscribe', '$SYS/#', true],
  ['operator', 'x', 'publish', 'devices/operator/a', true],
  ['operator', 'x', 'publish', 'devices/operator/secret', false],
  ['pump', 'x', 'publish', 'devices/pump', true],
  ['pump', 'x', 'publish', 'devices/pump/a/b', true],
  ['pump', 'x', 'publish', 'devices/pump/secret', false],
  ['pump', 'x', 'publish', 'devices/other/a', false],
  ['pump', 'x', 'publish', 'commands/pump', false],
  ['pump', 'x', 'subscribe', 'commands/pump', true],
  ['pump', 'x', 'subscribe', 'commands/+', false],
  ['pump', 'x', 'subscribe', 'devices/pump/a/#', true],
  // This filter includes devices/pump/secret.
  ['pump', 'x', 'subscribe', 'devices/pump/#', false],
  ['pump', 'x', 'subscribe', 'devices/+/a', false],
  ['pump', 'x', 'subscribe', 'news/+', true],
  ['pump', 'x', 'subscribe', 'news/#', false],
  ['pump', 'x', 'subscribe', '#', false],
  ['pump', 'x', 'subscribe', '$SYS/broker/uptime', false],
  ['pump', 'pump-7', 'publish', 'clients/pump-7/state', true],
  ['pump', 'valve-7', 'publish', 'clients/valve-7/state', false],
  ['pump', 'pump-7', 'publish', 'clients/pump-8/state', false],
  [undefined, 'x', 'publish', 'iotanalytics/channels/public/messages/put', true],
  [undefined, 'x', 'publish', 'iotanalytics/channels/other/messages/put', false],
  [undefined, 'x', 'publish', 'devices/undefined/a', false],
  [undefined, 'x', 'subscribe', 'iotanalytics/messages/put/status', true],
  ['pump', 'x', 'publish', 'iotanalytics/channels/public/messages/put', false],
] as const

test('the first rule that applies and names the topic decides', () => {
  for (const [user, clientId, what, name, isAllowed] of TABLE) {
    const permissions = permissionsFor(RULES, clientId, user)
    const answer =
      what === 'publish' ? permissions.mayPublish(name) : permissions.maySubscribe(name)
    assert.equal(answer, isAllowed, `${user} as ${clientId} may ${what} ${name}`)
  }
})

test('client id patterns: * matches anything, including nothing', () => {
  const may = (clientId: string, pattern: string): boolean =>
    permissionsFor(
      accessRules.parse([{ clientId: pattern, publish: ['#'] }]),
      clientId,
      'u',
    ).mayPublish('a')

  for (const [pattern, id, isMatch] of [
    ['pump-*', 'pump-', true],
    ['pump-*', 'pump', false],
    ['*-7', 'pump-7', true],
    ['a*b*c', 'a1b2c', true],
    ['a*b*c', 'acb', false],
    ['ab*ba', 'aba', false],
    ['%u', 'u', true],
    ['%u', 'uu', false],
    ['*', '', true],
  ] as const) {
    assert.equal(may(id, pattern), isMatch, `${pattern} and ${id}`)
  }
})

test('contradictory rules are refused with the reason', () => {
  for (const [rule, reason] of [
    [{ publish: ['a/#/b'] }, /topic filter/],
    [{ publish: ['dev-%c/x'] }, /stand alone/],
    [{ user: 'a', anonymous: true, publish: ['a'] }, /user or anonymous/],
    [{ user: 'a' }, /publish or subscribe/],
  ] as const) {
    const { success, error } = accessRules.safeParse([rule])
    assert.equal(success, false)
    assert.match(error?.issues[0]?.message ?? '', reason)
  }
})

async function pumps(t: TestContext, parts: ServerParts = {}) {
  const file = await passwordFile(t, { pump: 'p', operator: 'o' })
  return startServer(t, { ...parts, options: { passwordFile: file, acl: RULES, ...parts.options } })
}
const PUMP = { userName: 'pump', password: 'p', clientId: 'pump-1' }

test('a PUBLISH that is not allowed goes nowhere; MQTT 5 clients get the reason code in its acknowledgement', async (t) => {
  const drops: string[] = []
  const { client, intake } = await pumps(t, {
    observer: { messageDropped: (_channel, code) => drops.push(code) },
  })
  const five = await client({ ...PUMP, version: 5 })
  const four = await client({ ...PUMP, clientId: 'pump-2' })
  const topic = 'iotanalytics/channels/other/messages/put'

  five.send(publishPacket({ topic, qos: 1, id: 1, properties: [] }))
  five.send(publishPacket({ topic: 'devices/pump/a', qos: 1, id: 2, properties: [] }))
  four.send(publishPacket({ topic, qos: 2, id: 3 }), publishPacket({ topic }))

  assert.match(await five.nextHex(), /^40..000187/)
  assert.match(await five.nextHex(), /^40..0002(00|10|$)/)
  assert.deepEqual(await four.untilPong(), ['50020003'])
  assert.equal(intake.messages.length, 0)
  assert.deepEqual(drops, ['NotAuthorized', 'NotAuthorized', 'NotAuthorized'])
})

test('each filter of a SUBSCRIBE gets its own code: 0x87 in MQTT 5, 0x80 before', async (t) => {
  const { client } = await pumps(t)
  const filters = { 'devices/pump/a': 1, '#': 0, '$share/g/devices/pump/b': 1, '$share/g/#': 1 }
  const five = await client({ ...PUMP, version: 5 })
  const four = await client({ ...PUMP, clientId: 'pump-2' })

  five.send(subscribePacket(1, filters, []))
  four.send(subscribePacket(1, filters))

  assert.equal(await five.nextHex(), '900700010001870187')
  assert.equal(await four.nextHex(), '9006000101800180')
})

test('a client whose will may not be published is refused', async (t) => {
  const { wire, client } = await pumps(t)
  const will = { topic: 'commands/other', payload: 'gone' }
  const four = await wire()
  const five = await wire()

  four.send(connectPacket({ ...PUMP, will }))
  five.send(connectPacket({ ...PUMP, version: 5, will }))

  assert.deepEqual(await four.untilClosed(), ['20020005'])
  assert.match((await five.untilClosed())[0] ?? '', /^20..0087/)
  await client({ ...PUMP, will: { ...will, topic: 'devices/pump/will' } })
})

test('with revealRefusals: false clients learn that they are refused but not why; the log says it', async (t) => {
  const refusals: string[] = []
  const users = await passwordFile(t, { pump: 'p' })
  const { wire, client, server } = await pumps(t, {
    options: { passwordFile: users, revealRefusals: false },
    observer: { clientRefused: (_source, _remote, reason) => refusals.push(reason) },
  })
  const connack = async (fields: object) => {
    const one = await wire()
    return (await one.send(connectPacket(fields)).untilClosed())[0]
  }
  const will = { topic: 'commands/other', payload: 'gone' }
  const refused = [{ ...PUMP, password: 'wrong' }, { ...PUMP, will }, { clientId: 'nobody' }]

  for (const fields of refused) {
    assert.equal(await connack({ ...fields, version: 5 }), '2003008000')
    assert.equal(await connack(fields), '20020005')
  }
  const five = await client({ ...PUMP, version: 5 })
  five.send(publishPacket({ topic: 'other', qos: 1, id: 1, properties: [] }))
  assert.equal(await five.nextHex(), '4003000180')
  five.send(publishPacket({ topic: 'other', qos: 2, id: 2, properties: [] }))
  assert.equal(await five.nextHex(), '5003000280')
  five.send(subscribePacket(3, { '#': 1, 'devices/pump/a': 1, 'a#': 1 }, []))
  // A refusal without a rule behind it is not masked: 0x8F, topic filter invalid.
  assert.equal(await five.nextHex(), '900600030080018f')
  await writeFile(users, '')
  await server.reload()
  assert.deepEqual(await five.untilClosed(), ['e0028000'])
  assert.equal(new Set(refusals).size, 3)
})

test('a response topic that the client may not publish to gets no answer', async (t) => {
  const rules = [{ publish: ['iotanalytics/#', 'mine/#'] }]
  const { client, intake } = await startServer(t, { options: { acl: rules } })
  const five = await client({ version: 5 })
  const answerTo = (topic: string) => [8, ...text(topic)]
  const topic = 'iotanalytics/channels/c/messages/put'

  five.send(publishPacket({ topic, qos: 1, id: 1, properties: answerTo('commands/all') }))
  five.send(publishPacket({ topic, qos: 1, id: 2, properties: answerTo('mine/answers') }))

  assert.match(await five.nextHex(), /^40..000187/)
  assert.match(await five.nextHex(), /^40020002/)
  assert.deepEqual(
    intake.messages.map(({ reply }) => reply?.topic),
    ['mine/answers'],
  )
})

test('new rules apply at once: to topics seen before, to subscriptions, and to sessions of offline clients', async (t) => {
  const reloads: (ConnectorError | undefined)[] = []
  const aclFile = await temporaryFile(t, 'rules.yaml', '- publish: ["#"]\n  subscribe: ["#"]\n')
  const { server, client } = await startServer(t, {
    options: { aclFile },
    observer: { filesReloaded: (_source, error) => reloads.push(error) },
  })
  const sender = await client({ clientId: 'sender', version: 5 })
  const listener = await client({ clientId: 'listener' })
  const away = await client({ clientId: 'away', isClean: false })
  for (const wire of [listener, away]) {
    wire.send(subscribePacket(1, { 'a/x': 1, 'b/x': 1 }))
    await wire.next()
  }
  away.send(Buffer.from('e000', 'hex'))
  await away.untilClosed()
  const send = async (topic: string, id: number) => {
    sender.send(publishPacket({ topic, payload: topic, qos: 1, id, properties: [] }))
    return (await sender.nextHex()).slice(8)
  }
  assert.doesNotMatch(await send('c', 1), /^87/)

  await writeFile(aclFile, '- { publish: [a/#, b/#], subscribe: [a/#] }\n')
  await server.reload()
  assert.match(await send('c', 2), /^87/)
  assert.doesNotMatch(await send('a/x', 3), /^87/)
  assert.doesNotMatch(await send('b/x', 4), /^87/)

  const heard = (await listener.untilPong()).map((hex) =>
    Buffer.from(hex, 'hex').toString('latin1'),
  )
  assert.equal(heard.filter((packet) => packet.includes('a/x')).length, 1)
  assert.equal(heard.filter((packet) => packet.includes('b/x')).length, 0)
  const back = await client({ clientId: 'away', isClean: false })
  const waited = (await back.untilPong()).map((hex) => Buffer.from(hex, 'hex').toString('latin1'))
  assert.equal(waited.filter((packet) => packet.includes('a/x')).length, 1)
  assert.equal(waited.filter((packet) => packet.includes('b/x')).length, 0)

  await writeFile(aclFile, '- { publish: [a/#/b] }\n')
  await server.reload()
  assert.equal(reloads[0], undefined)
  assert.match(
    reloads[1]?.message ?? '',
    /aclFile: .*rules\.yaml: \[0\]\.publish\[0\]: must be a topic filter/,
  )
  assert.doesNotMatch(await send('a/x', 5), /^87/)
})

test('rules hold for mosquitto’s clients', {
  skip: skipWithout('mosquitto_pub', 'mosquitto_sub'),
}, async (t) => {
  const { port, intake } = await pumps(t)
  const run = async (name: 'mosquitto_pub' | 'mosquitto_sub', ...args: string[]) => {
    const peer = ['-h', '127.0.0.1', '-p', String(port), '-V', 'mqttv5', '-q', '1']
    const child = spawn(commandOf(name), [...peer, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    t.after(() => child.kill())
    let output = ''
    child.stdout.on('data', (chunk) => (output += String(chunk)))
    child.stderr.on('data', (chunk) => (output += String(chunk)))
    const [code] = await once(child, 'close')
    return { code, output }
  }
  const pump = ['-u', 'pump', '-P', 'p']

  const wrong = await run(
    'mosquitto_pub',
    '-u',
    'pump',
    '-P',
    'no',
    '-t',
    'devices/pump/a',
    '-m',
    'x',
  )
  const denied = await run('mosquitto_pub', ...pump, '-t', 'commands/x', '-m', 'x')
  const heard = await run('mosquitto_sub', ...pump, '-t', '#', '-W', '2')
  const sent = await run(
    'mosquitto_pub',
    '-t',
    'iotanalytics/channels/public/messages/put',
    '-m',
    'x',
  )

  assert.notEqual(wrong.code, 0)
  assert.match(wrong.output, /Bad user name or password/i)
  assert.match(denied.output, /Not authorized/i)
  assert.match(heard.output, /Not authorized|denied/i)
  assert.notEqual(sent.code, 0)
  assert.equal(intake.messages.length, 0)
})
