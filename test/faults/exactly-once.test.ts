/** `QOS2_KILLS` sets the number of kills, `QOS2_SEED` the moments. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { notOnce, sendOverKills } from './exactly-once.ts'

const KILLS = Number(process.env['QOS2_KILLS'] ?? 2)
const SEED = Number(process.env['QOS2_SEED'] ?? 4711)

test('a message sent with QoS 2 is stored exactly once, although answers are lost and the program is killed', {
  timeout: 60_000 + KILLS * 5_000,
}, async (t) => {
  const directory = await temporaryDirectory(t)

  const result = await sendOverKills({ kills: KILLS, seed: SEED }, async () => {
    const connector = await new ConnectorProcess(t, ['--data', directory]).started()
    const mqttPort = Number(new URL(connector.mqttUrl).port)
    return { mqttPort, httpUrl: connector.httpUrl, crash: () => connector.crash() }
  })

  t.diagnostic(`${KILLS} kills, ${result.sent.length} messages, ${result.resent} sent again`)
  assert.ok(result.resent > 0, 'some messages were sent again')
  assert.deepEqual(notOnce(result), [])
})

test('the judge of QoS 2 names messages that are stored twice, never, or were not sent', () => {
  const times = new Map([
    ['once', 1],
    ['twice', 2],
    ['foreign', 1],
  ])

  assert.deepEqual(notOnce({ sent: ['once', 'twice', 'never'], resent: 0, times }), [
    ['twice', 2],
    ['never', 0],
    ['foreign', 1],
  ])
})
