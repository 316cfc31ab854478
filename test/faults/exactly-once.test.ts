/**
 * QoS 2 over `kill -9`: clients send under load, some answers of the server are lost, the program
 * is killed, and the clients send again what has no answer. `QOS2_KILLS` sets the number of kills,
 * `QOS2_SEED` the moments.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { Random } from '../support/random.ts'
import { Qos2Sender } from './qos2-sender.ts'

const KILLS = Number(process.env['QOS2_KILLS'] ?? 2)
const SEED = Number(process.env['QOS2_SEED'] ?? 4711)
const TOPIC = 'iotanalytics/channels/c/messages/binary/put'
const WINDOW = 20
const PAGE = 1_000

async function started(t: TestContext, directory: string): Promise<ConnectorProcess> {
  return await new ConnectorProcess(t, ['--data', directory]).started()
}

function portOf(connector: ConnectorProcess): number {
  return Number(new URL(connector.mqttUrl).port)
}

/** How often each payload is stored. */
async function storedTimes(connector: ConnectorProcess): Promise<Map<string, number>> {
  const times = new Map<string, number>()
  for (let from = '0'; ; ) {
    const url = `${connector.httpUrl}/channels/c/messages?from=${from}&limit=${PAGE}`
    const response = await fetch(url)
    const lines = (await response.text()).split('\n').filter((line) => line !== '')
    if (lines.length === 0) return times
    for (const line of lines) {
      const { payload } = JSON.parse(line)
      times.set(payload, (times.get(payload) ?? 0) + 1)
    }
    from = String(response.headers.get('x-next-offset'))
  }
}

test('a message sent with QoS 2 is stored exactly once, although answers are lost and the program is killed', {
  timeout: 60_000 + KILLS * 5_000,
}, async (t) => {
  const random = new Random(SEED)
  const directory = await temporaryDirectory(t)
  const senders = [4, 5, 4].map(
    (version, index) =>
      new Qos2Sender({
        clientId: `sender_${index}`,
        version: version === 5 ? 5 : 4,
        topic: TOPIC,
        window: WINDOW,
      }),
  )
  let connector = await started(t, directory)
  for (const sender of senders) await sender.connect(portOf(connector))

  for (let kill = 0; kill < KILLS; kill += 1) {
    await Promise.all(senders.map((sender) => sender.completes(10 + random.below(100))))
    // A client that lost its connection, and nothing else.
    senders[0]?.goDeaf()
    await setTimeout(random.below(10))
    senders[0]?.cut()
    await senders[0]?.connect(portOf(connector))
    await Promise.all(senders.map((sender) => sender.completes(10)))
    for (const sender of senders) if (!random.isOneIn(3)) sender.goDeaf()
    await setTimeout(random.below(20))
    await connector.crash()
    for (const sender of senders) sender.cut()
    connector = await started(t, directory)
    for (const sender of senders) await sender.connect(portOf(connector))
  }
  await Promise.all(senders.map((sender) => sender.finish()))
  const times = await storedTimes(connector)

  const sent = senders.flatMap((sender) => sender.sent)
  const resent = senders.reduce((sum, sender) => sum + sender.resent, 0)
  t.diagnostic(`${KILLS} kills, ${sent.length} messages, ${resent} sent again`)
  assert.ok(resent > 0, 'some messages were sent again')
  assert.deepEqual(
    sent.filter((payload) => times.get(payload) !== 1).map((one) => [one, times.get(one) ?? 0]),
    [],
  )
  assert.equal(times.size, sent.length)
})
