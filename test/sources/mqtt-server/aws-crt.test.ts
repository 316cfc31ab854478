/**
 * AWS's own MQTT clients, of the device SDK, at our front door: MQTT 3.1.1 and 5 over plain TCP, for
 * which the SDK has no builder, so their configuration is written out.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { io, mqtt, mqtt5 } from 'aws-iot-device-sdk-v2'
import { assertLedgerAddsUp, mqttPortOf, startConnector } from '../../support/running-connector.ts'

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

/** Texts as they come in. */
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

test('the MQTT 3.1.1 client hears why a message was refused, and is unsubscribed when it asks', async (t) => {
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

async function connect5(t: TestContext, port: number): Promise<mqtt5.Mqtt5Client> {
  const client = new mqtt5.Mqtt5Client({
    hostName: '127.0.0.1',
    port,
    connectProperties: { clientId: 'crt-5', keepAliveIntervalSeconds: 30 },
  })
  t.after(async () => {
    const stopped = once(client, 'stopped')
    client.stop()
    await stopped
    client.close()
  })
  const connected = once(client, 'connectionSuccess')
  client.on('connectionFailure', ({ error }) => {
    throw error
  })
  client.start()
  await connected
  return client
}

test('the MQTT 5 client publishes at QoS 0 and 1, gets receipts, and a reason where one is due', async (t) => {
  const connector = await startConnector(t, {})
  const client = await connect5(t, Number(mqttPortOf(connector)))
  const receipts = new Arrivals()
  client.on('messageReceived', ({ message }) => receipts.add(message.payload))
  const suback = await client.subscribe({
    subscriptions: [{ topicFilter: STATUS, qos: mqtt5.QoS.AtLeastOnce }],
  })
  assert.deepEqual(suback.reasonCodes, [mqtt5.SubackReasonCode.GrantedQoS1])

  const publish = (payload: string, qos: mqtt5.QoS) =>
    client.publish({ topicName: PUT, payload, qos })
  await publish(envelope('q0'), mqtt5.QoS.AtMostOnce)
  const accepted = await publish(envelope('q1'), mqtt5.QoS.AtLeastOnce)
  const refused = await publish('not an envelope', mqtt5.QoS.AtLeastOnce)

  const texts = await receipts.upTo(3)
  assert.deepEqual(
    texts.filter((text) => text.includes('success')),
    [success('q0'), success('q1')],
  )
  assert.equal(accepted?.reasonCode, mqtt5.PubackReasonCode.Success)
  assert.equal(refused?.reasonCode, mqtt5.PubackReasonCode.PayloadFormatInvalid)
  assertLedgerAddsUp(connector)
})
