/** Refused messages whose names are no channels stay in the ledger over restarts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connector } from '../../src/index.ts'
import { startConnector, temporaryDirectory } from '../support/processes/running-connector.ts'

function refusedOf(connector: Connector): Record<string, number> {
  const dropped: Record<string, number> = {}
  for (const row of connector.ledger()) {
    for (const [code, count] of Object.entries(row.dropped)) {
      dropped[code] = (dropped[code] ?? 0) + count
    }
  }
  return dropped
}

test('refusals of names that are no channels are still in the ledger after a restart, once', async (t) => {
  const directory = await temporaryDirectory(t)
  const start = () => startConnector(t, { storage: { directory, maxChannels: 1 } })
  const first = await start()
  await first.publish('a', 'm')
  for (const name of ['b', 'c']) {
    await assert.rejects(first.publish(name, 'm'), { code: 'ChannelLimit' })
  }
  await assert.rejects(first.publish('no/channel', 'm'))
  const before = refusedOf(first)
  await first.stop()

  const second = await start()
  const after = refusedOf(second)
  const others = second.ledger().find(({ channel }) => channel === '*')
  await assert.rejects(second.publish('b', 'm'), { code: 'ChannelLimit' })
  await second.stop()
  const third = await start()
  const health = await (await fetch(`${third.describe().http}/health`)).text()

  assert.equal(before['ChannelLimit'], 2)
  assert.deepEqual(after, before)
  assert.equal(
    others?.received,
    Object.values(before).reduce((sum, count) => sum + count, 0),
  )
  assert.equal(refusedOf(third)['ChannelLimit'], 3)
  assert.equal(JSON.parse(health).level, 'ok')
})

test('refusals of a name that becomes a channel move to its row, and count once over a restart', async (t) => {
  const directory = await temporaryDirectory(t)
  const start = (maxChannels: number) => startConnector(t, { storage: { directory, maxChannels } })
  const first = await start(1)
  await first.publish('a', 'm')
  await assert.rejects(first.publish('b', 'm'), { code: 'ChannelLimit' })
  await first.stop()
  const second = await start(2)
  await second.publish('b', 'm')
  await second.stop()

  const third = await start(2)

  assert.deepEqual(refusedOf(third), { ChannelLimit: 1 })
})
