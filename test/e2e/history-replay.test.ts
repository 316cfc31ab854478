/** Messages of a channel's history sent again, through the whole product. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess, sendingTo } from '../support/processes/connector-process.ts'
import {
  assertLedgerAddsUp,
  destinationOf,
  startConnector,
  temporaryDirectory,
} from '../support/processes/running-connector.ts'

function timesById(api: FakeIotAnalytics): Map<string, number> {
  const times = new Map<string, number>()
  for (const { messageId } of api.received('my_channel')) {
    times.set(messageId, (times.get(messageId) ?? 0) + 1)
  }
  return times
}

test('replay --from sends delivered messages again with their ids, and counts them before on request', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0' },
    destinations: [destinationOf(api)],
  })
  for (let i = 0; i < 5; i += 1) await connector.publish('my_channel', `m${i}`, { id: `id${i}` })
  await connector.publish('my_channel', Buffer.from('binary'))
  await api.until(() => api.messageCount === 6)
  const replay = (...args: string[]) =>
    runCommand(t, ['replay', '--url', String(connector.describe().http), ...args])

  const dry = await replay('--channel', 'my_channel', '--from', '1h', '--dry-run')
  const json = await replay('--channel', 'my_channel', '--from', '1h', '--dry-run', '--json')
  const replayed = await replay('--channel', 'my_channel', '--from', '1h')
  await api.until(() => api.messageCount === 12)
  const none = await replay('--channel', 'nobody', '--from', '1h')
  const wrong = await replay('--channel', 'my_channel', '--from', '1h', '--all')
  const unnamed = await replay('--from', '1h')
  const help = await replay('--help')

  assert.match(dry.stdout, /^6 would be sent again, the first of 20/)
  const { firstReceivedAt, ...counts } = JSON.parse(json.stdout)
  assert.match(firstReceivedAt, /^20/)
  assert.deepEqual(counts, { dryRun: true, matched: 6, replayed: 0, duplicates: 0 })
  assert.match(replayed.stdout, /^sent again: 6 of 6, the first of 20/)
  assert.deepEqual([dry.code, replayed.code], [0, 0])
  assert.deepEqual([...timesById(api).values()], [2, 2, 2, 2, 2, 2])
  assert.deepEqual([none.code, wrong.code, unnamed.code], [1, 2, 2])
  assert.match(none.stderr, /There is no channel .*nobody/)
  assert.match(wrong.stderr, /expected no --all/)
  assert.match(unnamed.stderr, /give --channel and --from/)
  assert.match(help.stdout, /GETS THEM A SECOND TIME/)
  assertLedgerAddsUp(connector)
})

test('after kill -9 half way through a replay, it is continued where it was: every message is sent again, and none with another id', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const args = [
    ...['--data', await temporaryDirectory(t)],
    ...['--set', 'parameters.PublishInterval=0'],
    ...['--set', 'parameters.IotAnalyticsBatchSizePerChannel=100'],
    ...sendingTo(api, 'us-west-2'),
  ]
  const start = () => new ConnectorProcess(t, args).started()
  const first = await start()
  const count = 700
  const published = await runCommand(t, [
    ...['publish', 'my_channel', '--count', String(count), '--url', first.mqttUrl],
    'a message',
  ])
  await api.until(() => api.messageCount === count)
  const post = async (connector: ConnectorProcess, body: object) => {
    const response = await fetch(`${connector.httpUrl}/api/v1/channels/my_channel/replay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return JSON.parse(await response.text())
  }

  const half = await post(first, { from: 'earliest', limit: 300 })
  const lost = post(first, { from: half.next, to: half.to, limit: 10_000 }).catch(() => 'lost')
  await api.until(() => api.messageCount > count)
  await first.crash()
  await lost
  const second = await start()
  for (let next: number | null = half.next; next !== null; ) {
    const report = await post(second, { from: next, to: half.to })
    assert.equal(report.stopped, null)
    next = report.next
  }
  await api.until(() => [...timesById(api).values()].every((times) => times >= 2))

  assert.equal(published.code, 0)
  assert.deepEqual([half.replayed, half.to], [300, count])
  assert.equal(timesById(api).size, count)
  assert.deepEqual(api.violations, [])
})
