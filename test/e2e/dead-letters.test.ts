/** Dead letters through the whole product: kept with the reason, listed, sent again after a fix. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connector } from '../../src/index.ts'
import { type FakeMessage, refusing } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { runCommand } from '../support/processes/command-line.ts'
import {
  assertLedgerAddsUp,
  destinationOf,
  mqttUrlOf,
  startConnector,
} from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const AT_ONCE = { PublishInterval: '0' }

function urlOf(connector: Connector): string {
  return `unix:${connector.describe().socket}`
}

function refusalOf({ messageId }: FakeMessage) {
  return { messageId, errorCode: 'InvalidRequestException', errorMessage: 'not like this' }
}

/** Waits until `count` are stored: the receipt of a refusal comes before. */
async function lettersUpTo(connector: Connector, count: number) {
  await until('they are stored', async () => (await lettersOf(connector)).length >= count)
  return lettersOf(connector)
}

async function lettersOf(connector: Connector, query = '') {
  const response = await fetch(`${connector.describe().http}/api/v1/dead-letters${query}`)
  const lines = (await response.text()).split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line))
}

test('a message that a destination rejects is kept with the reason, and sent again after a fix', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  api.answerNext(
    refusing((message) => (message.messageId === 'm3' ? undefined : refusalOf(message))),
  )
  const connector = await startConnector(t, {
    parameters: { IotAnalyticsBatchSizePerChannel: '3', PublishInterval: '60' },
    destinations: [destinationOf(api)],
  })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  for (const id of ['m1', 'm2', 'm3']) await device.putMessage('my_channel', `of ${id}`, id)
  await device.receiptsUpTo(3)
  const kept = await lettersUpTo(connector, 2)
  const url = ['--url', urlOf(connector)]
  const dry = await runCommand(t, ['replay', '--all', '--dry-run', ...url])
  const listed = await runCommand(t, ['dead-letters', '--channel', 'my_channel', ...url])
  const replayed = await runCommand(t, ['replay', '--channel', 'my_channel', ...url])
  await device.putMessage('my_channel', 'of m4', 'm4')
  const receipts = await device.receiptsUpTo(6)

  assert.deepEqual(
    kept.map(({ id, channel, destination, payload }) => ({ id, channel, destination, payload })),
    ['m1', 'm2'].map((id) => ({
      id,
      channel: 'my_channel',
      destination: 'iotAnalytics',
      payload: `of ${id}`,
    })),
  )
  assert.equal(dry.stdout, '2 would be sent again\n')
  assert.match(
    listed.stdout,
    /#0 {2}my_channel {2}rejected by iotAnalytics: .*id=m1 {2}of m1\n.*id=m2/,
  )
  assert.deepEqual([replayed.code, replayed.stdout], [0, 'sent again: 2 of 2\n'])
  assert.deepEqual(
    receipts.slice(3).map(({ id, response }) => `${id} ${response.status}`),
    ['m1 success', 'm2 success', 'm4 success'],
  )
  assert.deepEqual(await lettersOf(connector), [])
  assertLedgerAddsUp(connector)
})

test('a message that routing refuses is kept once, however often it is refused again', async (t) => {
  const connector = await startConnector(t, { parameters: AT_ONCE })
  const device = await MqttDevice.connect(t, mqttUrlOf(connector))

  await device.put('my_channel', 'no envelope')
  const [kept, ...others] = await lettersUpTo(connector, 1)
  const url = ['--url', urlOf(connector)]
  const replayed = await runCommand(t, ['replay', '--error', 'InvalidMessage', ...url])
  const json = await runCommand(t, ['replay', '--all', '--json', ...url])
  const after = await lettersOf(connector, '?error=InvalidMessage')

  assert.deepEqual([kept.error, kept.payload, others], ['InvalidMessage', 'no envelope', []])
  assert.equal('destination' in kept, false)
  assert.equal(replayed.code, 1)
  assert.match(replayed.stdout, /^sent again: 0 of 1\nstill dead letters: 1, InvalidMessage: /)
  const { reasons, ...counts } = JSON.parse(json.stdout)
  assert.equal(json.code, 1)
  assert.deepEqual(counts, { dryRun: false, matched: 1, replayed: 0, refused: 1 })
  assert.match(reasons[0].reason, /^InvalidMessage: /)
  assert.deepEqual(after, [kept])
  assertLedgerAddsUp(connector)
})

test('a replay without a filter needs --all', async (t) => {
  const { code, stderr } = await runCommand(t, ['replay', '--url', 'http://127.0.0.1:1'])

  assert.equal(code, 2)
  assert.match(stderr, /select what to send: --all/)
})

test('the list says so when dead letters are not kept', async (t) => {
  const connector = await startConnector(t, { deadLetters: false })

  const listed = await runCommand(t, ['dead-letters', '--url', urlOf(connector)])

  assert.equal(listed.code, 1)
  assert.match(listed.stderr, /Dead letters are turned off/)
})

test('dead-letters says so when there are none, apart from its output', async (t) => {
  const connector = await startConnector(t, {})
  const list = ['dead-letters', '--url', urlOf(connector)]

  const all = await runCommand(t, list)
  const some = await runCommand(t, [...list, '--since', '1h'])

  assert.deepEqual([all.code, all.stdout, all.stderr], [0, '', 'There are no dead letters.\n'])
  assert.equal(some.stderr, 'There are no dead letters that match.\n')
})
