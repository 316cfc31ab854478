/** The clauses about SUBSCRIBE, UNSUBSCRIBE and shared subscriptions (sections 3.8 to 3.11, 4.8). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer } from '../../support/mqtt/mqtt-server-under-test.ts'
import { frame, subscribePacket } from '../../support/mqtt/mqtt-wire.ts'
import { publish, publishes, subscribe } from '../../support/mqtt/wire-exchanges.ts'

test('one SUBACK answers all filters of a SUBSCRIBE, one code each and in their order [MQTT-3.8.4-4] [MQTT-3.9.3-1]', async (t) => {
  const { client } = await startServer(t)
  const four = await client({ clientId: 'four' })
  const five = await client({ clientId: 'five', version: 5 })
  const long = 'x'.repeat(600)

  four.send(subscribePacket(7, { a: 2, [long]: 1, b: 0, c: 1 }))
  five.send(subscribePacket(7, { a: 2, [long]: 1, 'a#': 0, c: 1 }, []))

  assert.equal(await four.nextHex(), '90060007' + '02800001')
  assert.equal(await five.nextHex(), '9007000700' + '02978f01')
})

test('subscribing again replaces the subscription and sends the retained messages again [MQTT-3.8.4-3]', async (t) => {
  const { client } = await startServer(t)
  const publisher = await client({ clientId: 'publisher' })
  await publish(publisher, { topic: 'a', payload: 'r', qos: 1, retain: true })
  const listener = await client({ clientId: 'listener' })

  const first = publishes(await subscribe(listener, { a: 0 }))
  const second = publishes(await subscribe(listener, { a: 1 }))
  await publish(publisher, { topic: 'a', payload: 'x', qos: 1 })

  assert.deepEqual(first, ['3104000161' + '72'])
  assert.deepEqual(second, ['33060001610001' + '72'])
  assert.deepEqual(await listener.untilPong(), ['32060001610002' + '78'])
})

test('a filter that is empty or has wrong wildcards is refused [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1]', async (t) => {
  const { client } = await startServer(t)

  for (const filter of ['a#', '#/a', 'a/#/b', 'a+', '+a/b', 'a/+b']) {
    const four = await client({ clientId: 'four' })
    const five = await client({ clientId: 'five', version: 5 })
    four.send(subscribePacket(1, { [filter]: 0 }))
    assert.deepEqual(await four.untilClosed(), [], filter)
    assert.deepEqual(await subscribe(five, { [filter]: 0 }, []), ['900400010' + '08f'], filter)
  }
  const empty = await client({ clientId: 'four' })
  empty.send(subscribePacket(1, { '': 0 }))
  assert.deepEqual(await empty.untilClosed(), [])
})

test('shared subscriptions without group or filter, or with no local, are refused [MQTT-4.8.2-1] [MQTT-4.8.2-2] [MQTT-3.8.3-4]', async (t) => {
  const { client } = await startServer(t)
  const five = await client({ clientId: 'five', version: 5 })

  for (const filter of [
    '$share',
    '$share/g',
    '$share/g/',
    '$share//a',
    '$share/g+/a',
    '$share/#/a',
  ]) {
    assert.deepEqual(await subscribe(five, { [filter]: 0 }, []), ['900400010' + '08f'], filter)
  }
  five.send(subscribePacket(1, { '$share/g/a': 4 }, []))
  assert.match((await five.untilClosed())[0] ?? '', /^e0..82/)
})

test('reserved options and retain handling 3 close the connection [MQTT-3.8.3-5]', async (t) => {
  const { client } = await startServer(t)

  for (const options of [0x03, 0x30, 0x40, 0x80]) {
    const five = await client({ version: 5 })
    five.send(subscribePacket(1, { a: options }, []))
    assert.match((await five.untilClosed())[0] ?? '', /^e0..8[12]/)
  }
  for (const options of [0x03, 0x04, 0x08, 0x80]) {
    const four = await client()
    four.send(subscribePacket(1, { a: options }))
    assert.deepEqual(await four.untilClosed(), [])
  }
})

test('unsubscribing compares character by character and answers once for all filters [MQTT-3.10.4-1] [MQTT-3.10.4-6]', async (t) => {
  const { client } = await startServer(t)
  const listener = await client({ clientId: 'listener', version: 5 })
  await subscribe(listener, { 'a/+': 0, b: 0, 'c/#': 0 }, [])
  const publisher = await client({ clientId: 'publisher' })

  listener.send(frame(0xa2, [0, 9, 0], 'a/x', 'B', 'b', 'c/#'))
  const answer = await listener.nextHex()
  for (const topic of ['a/x', 'b', 'c/x']) await publish(publisher, { topic, payload: 'x' })

  assert.equal(answer, 'b007000900' + '11110000')
  assert.equal((await listener.untilPong()).length, 1)
})

test('an exchange that has begun is completed after its client unsubscribed [MQTT-3.10.4-3]', async (t) => {
  const { client } = await startServer(t)
  const fields = { clientId: 'c', isClean: false }
  const listener = await client(fields)
  await subscribe(listener, { a: 2 })
  const publisher = await client({ clientId: 'publisher' })
  await publish(publisher, { topic: 'a', payload: 'x', qos: 2, id: 1 })
  await listener.untilPong()

  listener.send(frame(0xa2, [0, 9], 'a'))
  await listener.untilPong()
  await publish(publisher, { topic: 'a', payload: 'y', qos: 1, id: 2 })
  const afterwards = await listener.untilPong()
  listener.send(frame(0x50, [0, 1]))
  const released = await listener.untilPong()
  listener.send(frame(0x70, [0, 1]))

  assert.deepEqual(afterwards, [])
  assert.deepEqual(released, ['62020001'])
  assert.deepEqual(await listener.untilPong(), [])
})

test('topics are not normalized: neither case, nor composition, nor slashes [MQTT-4.7.3-4]', async (t) => {
  const { client } = await startServer(t)
  const listener = await client({ clientId: 'listener' })
  await subscribe(listener, { 'caf\u00e9/a': 0 })
  const publisher = await client({ clientId: 'publisher' })

  for (const topic of [
    'cafe\u0301/a',
    'Caf\u00e9/a',
    'caf\u00e9//a',
    'caf\u00e9/a/',
    '/caf\u00e9/a',
  ])
    await publish(publisher, { topic, payload: 'x' })
  const others = await listener.untilPong()
  await publish(publisher, { topic: 'caf\u00e9/a', payload: 'x' })

  assert.deepEqual(others, [])
  assert.equal((await listener.untilPong()).length, 1)
})

test('a shared QoS 2 message stays with the member it was sent to [MQTT-4.8.2-4] [MQTT-4.8.2-5] [MQTT-4.8.2-6]', async (t) => {
  const { client } = await startServer(t)
  const fields = (clientId: string) =>
    ({ clientId, version: 5, isClean: false, properties: [17, 0, 0, 1, 0, 33, 0, 1] }) as const
  const one = await client(fields('one'))
  await subscribe(one, { '$share/g/a': 2 }, [])
  const publisher = await client({ clientId: 'publisher' })
  await publish(publisher, { topic: 'a', payload: 'x', qos: 2, id: 1 })
  const sent = await one.untilPong()
  const two = await client(fields('two'))
  await subscribe(two, { '$share/g/a': 2 }, [])

  one.socket.destroy()
  await two.untilPong()
  const meanwhile = await two.untilPong()
  const again = await client(fields('one'))
  const resent = await again.untilPong()
  again.send(frame(0x50, [0, 1, 0x80]))
  const refused = [await again.untilPong(), await two.untilPong()]

  assert.equal(sent.length, 1)
  assert.deepEqual(meanwhile, [])
  assert.match(resent[0] ?? '', /^3c/)
  assert.deepEqual(refused, [[], []])
})

test('a shared subscription gets messages at no more than the QoS it was granted [MQTT-4.8.2-3]', async (t) => {
  const { client } = await startServer(t)
  const member = await client({ clientId: 'member', version: 5 })
  await subscribe(member, { '$share/g/a': 1 }, [])
  const publisher = await client({ clientId: 'publisher' })

  for (const qos of [0, 1, 2] as const)
    await publish(publisher, { topic: 'a', payload: 'x', qos, id: 1 })

  assert.deepEqual(
    (await member.untilPong()).map((hex) => hex.slice(0, 2)),
    ['30', '32', '32'],
  )
})

test('a shared QoS 2 message in flight goes to nobody else when its session ends [MQTT-4.8.2-5]', async (t) => {
  const { client } = await startServer(t)
  const one = await client({ clientId: 'one', version: 5 })
  await subscribe(one, { '$share/g/a': 2 }, [])
  const publisher = await client({ clientId: 'publisher' })
  await publish(publisher, { topic: 'a', qos: 2, id: 1 })
  await one.untilPong()
  const two = await client({ clientId: 'two', version: 5 })
  await subscribe(two, { '$share/g/a': 2 }, [])

  one.send(frame(0xe0))
  await one.untilClosed()

  assert.deepEqual(await two.untilPong(), [])
})
