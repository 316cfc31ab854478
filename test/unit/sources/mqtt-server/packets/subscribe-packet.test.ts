/** SUBSCRIBE and UNSUBSCRIBE with more topic filters than a client may have subscriptions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSubscribe } from '../../../../../src/sources/mqtt-server/packets/subscribe-packet.ts'
import { startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import { frame, text } from '../../../../support/mqtt/mqtt-wire.ts'

const LIMITS = { maxUserProperties: 1, maxUserPropertyBytes: 1, maxSubscriptionsPerClient: 3 }

test('filters of a SUBSCRIBE beyond those a client may have are counted and not decoded', () => {
  const filters = ['a', 'b', 'c'].flatMap((filter) => [...text(filter), 0])
  const notDecoded = Array.from({ length: 40_000 }, () => [0, 1, 0xff, 0]).flat()
  const bytes = Buffer.from([0, 1, ...filters, ...notDecoded])

  const { requests, excess } = readSubscribe(bytes, 0, bytes.length, 4, LIMITS)

  assert.deepEqual(
    requests.map(({ filter }) => filter),
    ['a', 'b', 'c'],
  )
  assert.equal(excess, 40_000)
  assert.throws(() => readSubscribe(bytes, 0, bytes.length - 1, 4, LIMITS), {
    name: 'ProtocolViolation',
  })
})

test('a client that unsubscribes from more filters than it may have is disconnected with the reason', async (t) => {
  const { client } = await startServer(t, { limits: { maxSubscriptionsPerClient: 3 } })
  const device = await client({ version: 5 })

  device.send(frame(0xa2, [0, 1, 0], 'a', 'b', 'c'))
  assert.equal(await device.nextHex(), 'b00600010011' + '1111')
  device.send(frame(0xa2, [0, 2, 0], 'a', 'b', 'c', 'd'))
  const disconnect = await device.next()

  assert.deepEqual([disconnect?.[0], disconnect?.[2]], [0xe0, 0x97])
  assert.match(disconnect?.toString() ?? '', /expected at most 3 topic filters, got more/)
})
