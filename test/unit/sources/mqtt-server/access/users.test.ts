/** Users and passwords: who is let in, what CONNACK says, and what happens to a client that guesses. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import type { ConnectorError } from '../../../../../src/errors.ts'
import {
  hashPassword,
  isPassword,
  parsePasswordHash,
} from '../../../../../src/sources/mqtt-server/access/password-hash.ts'
import { temporaryFile } from '../../../../support/disk/temporary-file.ts'
import { type ServerParts, startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import {
  type ConnectFields,
  connectPacket,
  publishPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { passwordFile, passwordLines } from '../../../../support/processes/password-file.ts'

const USERS = { 'pump-1': 'secret one', 'pump-2': 'secret two' }
const PUMP = { userName: 'pump-1', password: 'secret one' }

async function guarded(t: TestContext, parts: ServerParts = {}) {
  const file = await passwordFile(t, USERS)
  const under = await startServer(t, {
    ...parts,
    options: { passwordFile: file, ...parts.options },
  })
  /** CONNACK's code: 0 lets in. */
  const knock = async (fields: ConnectFields): Promise<number | undefined> => {
    const wire = await under.wire()
    const connack = await wire.send(connectPacket(fields)).next()
    return connack?.[3]
  }
  return { ...under, file, knock }
}

test('the right password lets in, in every version', async (t) => {
  const { knock } = await guarded(t)

  for (const version of [3, 4, 5] as const) assert.equal(await knock({ ...PUMP, version }), 0)
})

test('a wrong password, an unknown user and a missing password get the same answer', async (t) => {
  const { knock } = await guarded(t)
  const wrong = [
    { userName: 'pump-1', password: 'secret two' },
    { userName: 'nobody', password: 'secret one' },
    { userName: 'pump-1' },
    { userName: '', password: '' },
  ]

  for (const fields of wrong) {
    assert.equal(await knock({ ...fields, version: 4 }), 4)
    assert.equal(await knock({ ...fields, version: 5 }), 0x86)
  }
})

test('a client without a user name is refused, unless anonymous clients are allowed', async (t) => {
  const closed = await guarded(t)
  const open = await guarded(t, { options: { allowAnonymous: true } })

  assert.equal(await closed.knock({ version: 4 }), 5)
  assert.equal(await closed.knock({ version: 5 }), 0x87)
  assert.equal(await open.knock({ version: 5 }), 0)
  assert.equal(await open.knock({ userName: 'pump-1', password: 'wrong', version: 5 }), 0x86)
})

test('packets after CONNECT wait for the password check and are dropped if it fails', async (t) => {
  const { wire, intake, knock } = await guarded(t)
  const publish = publishPacket({ topic: 'iotanalytics/x', payload: 'hello', qos: 1, id: 7 })
  const good = await wire()
  const bad = await wire()

  good.send(connectPacket(PUMP), publish, publish)
  bad.send(connectPacket({ ...PUMP, password: 'no' }), publish)

  assert.equal(await good.nextHex(), '20020000')
  assert.deepEqual(await good.untilPong(), ['40020007', '40020007'])
  assert.deepEqual(await bad.untilClosed(), ['20020004'])
  assert.equal(intake.messages.length, 2)
  assert.equal(await knock(PUMP), 0)
})

test('an address that guesses passwords is ignored after a few, but a user known from there is still let in', async (t) => {
  const reasons: string[] = []
  const { knock } = await guarded(t, {
    observer: { clientRefused: (_source, _remote, reason) => reasons.push(reason) },
    options: { limits: { maxFailuresPerMinute: 5 } },
  })
  assert.equal(await knock(PUMP), 0)

  const codes = []
  for (let n = 0; n < 40; n++) {
    codes.push(await knock({ userName: 'pump-2', password: `${n}`, version: 5 }))
  }

  assert.deepEqual(codes.slice(0, 5), [0x86, 0x86, 0x86, 0x86, 0x86])
  assert.deepEqual(new Set(codes.slice(5)), new Set([0x9f]))
  assert.equal(await knock(PUMP), 0)
  assert.equal(await knock({ userName: 'pump-2', password: 'secret two' }), 3)
  assert(reasons.every((reason) => !reason.includes('secret') && !reason.includes('pump')))
})

test('many guesses at once get no more attempts than one after another, and others are served meanwhile', async (t) => {
  const { knock, client } = await guarded(t, { options: { limits: { maxFailuresPerMinute: 5 } } })
  const other = await client(PUMP)

  const guesses = Array.from({ length: 200 }, (_, n) =>
    knock({ userName: 'pump-2', password: `guess ${n}`, version: 5, clientId: `c${n}` }),
  )
  assert.deepEqual(await other.untilPong(), [])
  const codes = await Promise.all(guesses)

  assert(codes.filter((code) => code === 0x86).length <= 7)
  assert.equal(codes.filter((code) => code === 0).length, 0)
})

test('a changed file applies at once; only users that were deleted or have a new password are disconnected', async (t) => {
  const reloads: (ConnectorError | undefined)[] = []
  const { server, file, client, knock } = await guarded(t, {
    observer: { filesReloaded: (_source, error) => reloads.push(error) },
  })
  const one = await client({ ...PUMP, clientId: 'one' })
  const two = await client({
    userName: 'pump-2',
    password: 'secret two',
    clientId: 'two',
    version: 5,
  })

  const kept = (await readFile(file, 'utf8')).split('\n')[0]
  await writeFile(`${file}.new`, `${kept}\n${passwordLines({ 'pump-2': 'another' })}`)
  await rename(`${file}.new`, file)
  await server.reload()

  assert.deepEqual(reloads, [undefined])
  assert.deepEqual(await one.untilPong(), [])
  assert.match((await two.untilClosed())[0] ?? '', /^e0..87/)
  assert.equal(await knock({ userName: 'pump-2', password: 'secret two' }), 4)
  assert.equal(await knock({ userName: 'pump-2', password: 'another' }), 0)
})

test('the file is watched: a change applies without a command', async (t) => {
  const watch = new EventEmitter()
  const { file, knock } = await guarded(t, {
    observer: { filesReloaded: () => watch.emit('reloaded') },
  })
  assert.equal(await knock({ userName: 'new', password: 'pass' }), 4)

  const reloaded = once(watch, 'reloaded')
  await writeFile(file, passwordLines({ new: 'pass' }))
  await reloaded

  assert.equal(await knock({ userName: 'new', password: 'pass' }), 0)
})

test('an invalid file changes nothing and is reported with its line number, but not its content', async (t) => {
  const reloads: (ConnectorError | undefined)[] = []
  const { server, file, client, knock } = await guarded(t, {
    observer: { filesReloaded: (_source, error) => reloads.push(error) },
  })
  const one = await client(PUMP)

  await writeFile(file, `${passwordLines({ a: 'b' })}pump-1:plain-password\n`)
  await server.reload()

  assert.equal(reloads[0]?.code, 'InvalidConfiguration')
  assert.match(
    reloads[0]?.message ?? '',
    /passwordFile: .*users, line 2: the password hash was not/,
  )
  assert(!reloads[0]?.message.includes('plain-password'))
  assert.deepEqual(await one.untilPong(), [])
  assert.equal(await knock(PUMP), 0)
})

test('a missing or invalid password file prevents the start', async (t) => {
  const options = { passwordFile: '/nowhere/users' }

  await assert.rejects(startServer(t, { options }), {
    code: 'InvalidConfiguration',
    message:
      /sources\.mqttServer\.passwordFile: can’t read \/nowhere\/users: there is no such file$/,
  })
})

test('users with the same client id have a connection and a session each, and neither touches the other’s', async (t) => {
  const { client, wire } = await guarded(t, { options: { allowAnonymous: true } })
  const shared = { clientId: 'shared', isClean: false } as const
  const [first, second] = [
    { ...PUMP, ...shared },
    { userName: 'pump-2', password: 'secret two', ...shared },
  ]
  const one = await client(first)
  await one.send(subscribePacket(1, { 'a/b': 1 })).next()
  await one.send(Buffer.from('e000', 'hex')).untilClosed()

  const two = await wire()
  const anonymous = await wire()
  two.send(connectPacket(second))
  anonymous.send(connectPacket({ ...shared, isClean: true }))
  // No session present.
  assert.deepEqual([await two.nextHex(), await anonymous.nextHex()], ['20020000', '20020000'])
  two.send(publishPacket({ topic: 'a/b', payload: 'x', qos: 1, id: 1 }))
  assert.equal(await two.nextHex(), '40020001')

  const back = await wire()
  back.send(connectPacket(first))
  assert.deepEqual(await back.untilPong(), ['20020100', '32080003612f62000178'])
  assert.deepEqual([await two.untilPong(), await anonymous.untilPong()], [[], []])
})

test('a user’s second connection with a client id takes over the first, and no connection of others', async (t) => {
  const { client } = await guarded(t)
  const one = await client({ ...PUMP, clientId: 'shared' })
  const other = await client({ userName: 'pump-2', password: 'secret two', clientId: 'shared' })

  const again = await client({ ...PUMP, clientId: 'shared' })

  assert.deepEqual(await one.untilClosed(), [])
  assert.deepEqual([await other.untilPong(), await again.untilPong()], [[], []])
})

test('hashes: each has a salt of its own, the right password fits, others do not', async () => {
  const password = Buffer.from('correct horse')
  const [one, other] = await Promise.all([hashPassword(password), hashPassword(password)])
  const known = parsePasswordHash(one)

  assert.notEqual(one, other)
  assert.match(one, /^scrypt\$16384\$8\$1\$[\w-]{22}\$[\w-]{43}$/)
  assert(known !== undefined)
  assert.equal(await isPassword(password, known), true)
  assert.equal(await isPassword(Buffer.from('correct horsf'), known), false)
  for (const wrong of [
    '',
    'scrypt$3$8$1',
    one.replace('16384', '16383'),
    one.replace('16384', '9999999'),
  ]) {
    assert.equal(parsePasswordHash(wrong), undefined)
  }
})

test('a file of users, rules or keys that other users can use is reported with each load, and used', {
  skip: process.platform === 'win32' ? 'Windows has no such permissions' : false,
}, async (t) => {
  const reports: string[] = []
  const aclFile = await temporaryFile(t, 'rules.yaml', '- publish: ["#"]\n')
  await chmod(aclFile, 0o644)
  const file = await passwordFile(t, USERS)
  await chmod(file, 0o640)
  const { server, client } = await startServer(t, {
    observer: { settingsInsecure: (part, detail) => reports.push(`${part} ${detail}`) },
    options: { passwordFile: file, aclFile },
  })
  await client(PUMP)

  await chmod(file, 0o600)
  await chmod(aclFile, 0o664)
  await server.reload()

  assert.deepEqual(reports, [
    `mqttServer sources.mqttServer.passwordFile: other users of this machine can read ${file}; to close it: chmod go= ${file}`,
    `mqttServer sources.mqttServer.aclFile: other users of this machine can change ${aclFile}; to close it: chmod go-w ${aclFile}`,
  ])
})

test('a refusal names the user and the client that asked, also after CONNECT', async (t) => {
  const refused: unknown[] = []
  const { wire } = await guarded(t, {
    observer: { clientRefused: (_source, _remote, _reason, client) => refused.push(client) },
  })
  const [guessing, broken] = [await wire(), await wire()]

  guessing.send(connectPacket({ clientId: 'guess', userName: 'pump-2', password: 'no' }))
  await guessing.untilClosed()
  // A packet of the type that is reserved.
  broken.send(connectPacket({ ...PUMP, clientId: 'c1' }), Buffer.from([0xf0, 0]))
  await broken.untilClosed()

  const named = refused.map((client) => {
    const { clientId, userName } = client as { clientId: string; userName: string }
    return [clientId, userName]
  })
  assert.deepEqual(named, [
    ['guess', 'pump-2'],
    ['c1', 'pump-1'],
  ])
})
