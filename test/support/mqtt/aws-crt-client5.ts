/**
 * Run with `fork`: AWS's MQTT 5 client sends three messages to the given port and reports the
 * results. It has its own process, because the client keeps its process alive even when it is
 * closed.
 */
import { once } from 'node:events'
import { mqtt5 } from 'aws-iot-device-sdk-v2'

export interface Mqtt5Story {
  readonly subackCodes: readonly number[]
  /** Reason codes of the PUBACKs, of a good message and of a bad one. */
  readonly pubackCodes: readonly (number | undefined)[]
  readonly receipts: readonly string[]
}

const [port, putTopic = '', statusTopic = '', ...payloads] = process.argv.slice(2)
const client = new mqtt5.Mqtt5Client({
  hostName: '127.0.0.1',
  port: Number(port),
  connectProperties: { clientId: 'crt-5', keepAliveIntervalSeconds: 30 },
})
client.on('connectionFailure', ({ error }) => {
  throw error
})
const connected = once(client, 'connectionSuccess')
client.start()
await connected

const receipts: string[] = []
const allIn = new Promise<void>((resolve) => {
  client.on('messageReceived', ({ message }) => {
    receipts.push(Buffer.from(message.payload as ArrayBuffer).toString())
    if (receipts.length === payloads.length) resolve()
  })
})
const suback = await client.subscribe({
  subscriptions: [{ topicFilter: statusTopic, qos: mqtt5.QoS.AtLeastOnce }],
})
const pubackCodes: (number | undefined)[] = []
for (const [index, payload] of payloads.entries()) {
  const qos = index === 0 ? mqtt5.QoS.AtMostOnce : mqtt5.QoS.AtLeastOnce
  const puback = await client.publish({ topicName: putTopic, payload, qos })
  if (index > 0) pubackCodes.push(puback?.reasonCode)
}
await allIn
const stopped = once(client, 'stopped')
client.stop()
await stopped
const story: Mqtt5Story = { subackCodes: suback.reasonCodes, pubackCodes, receipts }
process.send?.(story, () => process.exit(0))
