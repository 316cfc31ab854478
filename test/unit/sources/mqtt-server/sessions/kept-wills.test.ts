/** Wills wait as long as their clients stay: each one is short, and all together have a bound. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Owner } from '../../../../../src/sources/mqtt-server/limits/owner.ts'
import {
  readConnect,
  type Will,
} from '../../../../../src/sources/mqtt-server/packets/connect-packet.ts'
import { NO_PROPERTY_LIMITS } from '../../../../../src/sources/mqtt-server/packets/properties.ts'
import { KeptWills } from '../../../../../src/sources/mqtt-server/sessions/kept-wills.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import {
  type ConnectFields,
  connectPacket,
  subscribePacket,
} from '../../../../support/mqtt/mqtt-wire.ts'
import { property } from '../../../../support/mqtt/property.ts'

const SERVER_UNAVAILABLE = 3
const PACKET_TOO_LARGE = 0x95
const QUOTA_EXCEEDED = 0x97

function willOf(bytes: number): Will {
  const payload = Buffer.alloc(bytes)
  return { topic: 'w', payload, qos: 0, retain: false, properties: Buffer.from([0]) }
}

test('a user who leaves all the wills it can leaves room for wills of others', () => {
  const wills = new KeptWills({ maxWillBytes: 10_000, maxWillBytesOfAll: 1_000_000 })
  const greedy = new Owner('greedy')
  let count = 0
  while (wills.allows(greedy, undefined, willOf(5_000))) {
    wills.replaced(greedy, undefined, willOf(5_000))
    count++
  }
  const polite = new Owner('polite')

  assert.ok(count > 40 && wills.bytes <= 500_000, `${count} wills, ${wills.bytes} bytes`)
  assert.equal(wills.allows(polite, undefined, willOf(5_000)), true)
})

test('many clients with long wills leave room for short ones, and never exceed the bound', () => {
  const wills = new KeptWills({ maxWillBytes: 10_000, maxWillBytesOfAll: 1_000_000 })
  const fill = (bytes: number): number => {
    let count = 0
    while (wills.allows(new Owner(undefined), undefined, willOf(bytes))) {
      wills.replaced(new Owner(undefined), undefined, willOf(bytes))
      count++
    }
    return count
  }

  fill(10_000)
  const short = fill(100)

  assert.ok(short > 200, `${short}`)
  assert.ok(wills.bytes <= 1_000_000)
})

test('a will in place of another counts once, and its bytes are free when it is gone', () => {
  const wills = new KeptWills({ maxWillBytes: 10_000, maxWillBytesOfAll: 300_000 })
  const owner = new Owner('pump')
  const will = willOf(2_000)
  wills.replaced(owner, undefined, will)
  const held = owner.willBytes

  for (let i = 0; i < 1_000; i++) {
    assert.equal(wills.allows(owner, will, will), true)
    wills.replaced(owner, will, will)
  }
  assert.equal(owner.willBytes, held)
  wills.replaced(owner, will, undefined)

  assert.deepEqual([owner.willBytes, wills.bytes], [0, 0])
})

test('a will keeps no byte of the packet it came in alive', () => {
  const properties = property.userProperty('n', 'v')
  const will = { topic: 'w', payload: 'gone', properties }
  const packet = connectPacket({ version: 5, userName: 'u'.repeat(5_000), will })

  const { will: read } = readConnect(0x10, packet, 3, packet.length, NO_PROPERTY_LIMITS)

  assert.equal(read?.payload.buffer.byteLength, 4)
  assert.equal(read?.properties.buffer.byteLength, 1 + properties.length)
})

test('a CONNECT with a will that is too long is refused with a reason, in every version', async (t) => {
  const { wire, client } = await startServer(t, { limits: { maxWillBytes: 100 } })
  const answer = async (fields: ConnectFields) => {
    const device = await wire()
    device.send(connectPacket(fields))
    return await device.next()
  }
  const long = { topic: 'w', payload: 'x'.repeat(100) }
  const user = { topic: 'w', payload: '', properties: property.userProperty('n', 'v'.repeat(100)) }

  assert.equal((await answer({ version: 4, will: long }))?.[3], SERVER_UNAVAILABLE)
  const refused = await answer({ version: 5, will: long })
  assert.equal(refused?.[3], PACKET_TOO_LARGE)
  assert.match(refused?.toString() ?? '', /expected a will of at most 100 bytes, got 102/)
  assert.equal((await answer({ version: 5, will: user }))?.[3], PACKET_TOO_LARGE)
  await client({ will: { topic: 'w', payload: 'x'.repeat(90) } })
})

test('while there is no room for its will a client is refused; wills that are gone make room', async (t) => {
  const clock = new ManualClock()
  const limits = { maxWillBytesOfAll: 130_000 }
  const { wire, client } = await startServer(t, { clock, limits })
  const listener = await client({ clientId: 'listener' })
  listener.send(subscribePacket(1, { w: 0 }))
  await listener.next()
  const connect = async (clientId: string, version: 4 | 5) => {
    const device = await wire()
    const will = { topic: 'w', payload: 'x'.repeat(500) }
    device.send(connectPacket({ clientId, version, will }))
    return { device, code: (await device.next())?.[3] }
  }
  const admitted: Awaited<ReturnType<typeof connect>>['device'][] = []
  let code: number | undefined = 0
  for (let i = 0; i < 100 && code === 0; i++) {
    const next = await connect(`greedy-${i}`, 4)
    code = next.code
    if (code === 0) admitted.push(next.device)
  }

  assert.equal(code, SERVER_UNAVAILABLE)
  assert.equal((await connect('other', 5)).code, QUOTA_EXCEEDED)
  await client({ clientId: 'polite', will: { topic: 'w', payload: '' } })
  for (const { socket } of admitted.slice(0, 2)) {
    socket.destroy()
    assert.match(await listener.nextHex(), /^30/)
  }
  assert.equal((await connect('other', 5)).code, 0)
})
