/**
 * AWS's own MQTT clients, from the device SDK, at the MQTT server: MQTT 3.1.1 and 5 over plain TCP.
 * The SDK has no builder for plain TCP, so their configuration is written out.
 */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { io, mqtt, mqtt5 } from 'aws-iot-device-sdk-v2'
import type { Mqtt5Story } from '../support/mqtt/aws-crt-client5.ts'
import {
  assertLedgerAddsUp,
  mqttPortOf,
  startConnector,
} from '../support/processes/running-connector.ts'

const PUT = 'iotanalytics/channels/my_channel/messages/put'
const BINARY = 'iotanalytics/channels/my_channel/messages/binary/put'
const STATUS = 'iotanalytics/messages/put/status'
const DEADLINE_MS = 10_000

function envelope(id: string): string {
  return JSON.stringify({ request: { message: '{"temp":23.33}' }, id })
}

function success(id: string): string {
  return `{"response":{"status":"success"},"id":"${id}"}`
}

/** Collects the payloads that arrive, as text. */
class Arrivals {
  readonly texts: string[] = []
  #wake: (() => void) | undefined

  add(payload: ArrayBuffer | Buffer | string | object | undefined): void {
    const bytes = payload instanceof ArrayBuffer ? Buffer.from(payload) : payload
    this.texts.push(String(bytes))
    this.#wake?.()
  }

  async upTo(count: number): Promise<readonly string[]> {
    const signal = AbortSignal.timeout(DEADLINE_MS)
    while (this.texts.length < count) {
      signal.throwIfAborted()
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    return this.texts
  }
}

async function connect311(t: TestContext, port: number): Promise<mqtt.MqttClientConnection> {
  const connection = new mqtt.MqttClient().new_connection({
    client_id: 'crt-311',
    host_name: '127.0.0.1',
    port,
    clean_session: true,
    keep_alive: 30,
    socket_options: new io.SocketOptions(),
  })
  t.after(() => connection.disconnect())
  await connection.connect()
  return connection
}

test('the MQTT 3.1.1 client publishes at QoS 0 and 1 and gets a receipt for each', async (t) => {
  const connector = await startConnector(t, {})
  const connection = await connect311(t, Number(mqttPortOf(connector)))
  const receipts = new Arrivals()
  const { qos } = await connection.subscribe(STATUS, mqtt.QoS.AtLeastOnce, (_topic, payload) => {
    receipts.add(payload)
  })
  assert.equal(qos, mqtt.QoS.AtLeastOnce)

  await connection.publish(PUT, envelope('q0'), mqtt.QoS.AtMostOnce)
  await connection.publish(PUT, envelope('q1'), mqtt.QoS.AtLeastOnce)
  await connection.publish(BINARY, Buffer.from([0, 255]), mqtt.QoS.AtLeastOnce)

  const texts = await receipts.upTo(3)
  assert.deepEqual(texts.slice(0, 2), [success('q0'), success('q1')])
  assert.equal(connector.ledger()[0]?.received, 3)
  assertLedgerAddsUp(connector)
})

test('the MQTT 3.1.1 client gets a receipt with the reason of a refusal, and can unsubscribe', async (t) => {
  const connector = await startConnector(t, {})
  const connection = await connect311(t, Number(mqttPortOf(connector)))
  const receipts = new Arrivals()
  await connection.subscribe(STATUS, mqtt.QoS.AtMostOnce, (_topic, payload) => {
    receipts.add(payload)
  })

  await connection.publish(PUT, 'not an envelope', mqtt.QoS.AtLeastOnce)
  const [refusal] = await receipts.upTo(1)
  await connection.unsubscribe(STATUS)
  await connection.publish(PUT, envelope('unheard'), mqtt.QoS.AtLeastOnce)
  await connection.publish(PUT, envelope('unheard too'), mqtt.QoS.AtLeastOnce)

  assert.match(refusal ?? '', /"status":"fail/)
  assert.equal(receipts.texts.length, 1)
})

test('the MQTT 5 client publishes at QoS 0 and 1, gets receipts, and the reason of a refusal', async (t) => {
  const connector = await startConnector(t, {})
  const messages = [envelope('q0'), envelope('q1'), 'not an envelope']
  const client = fork(join(import.meta.dirname, '..', 'support', 'mqtt', 'aws-crt-client5.js'), [
    mqttPortOf(connector),
    PUT,
    STATUS,
    ...messages,
  ])
  t.after(() => client.kill())

  const [story] = (await once(client, 'message')) as [Mqtt5Story]

  const successes = story.receipts.filter((text) => text.includes('"success"'))
  assert.deepEqual(successes, [success('q0'), success('q1')])
  assert.deepEqual(story.subackCodes, [mqtt5.SubackReasonCode.GrantedQoS1])
  assert.deepEqual(story.pubackCodes, [
    mqtt5.PubackReasonCode.Success,
    mqtt5.PubackReasonCode.PayloadFormatInvalid,
  ])
  assertLedgerAddsUp(connector)
})
