/** Third-party clients at the MQTT server: mosquitto's, and paho for Python. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { commandOf, skipWithout } from '../support/processes/real-peers.ts'
import {
  assertLedgerAddsUp,
  mqttPortOf,
  startConnector,
} from '../support/processes/running-connector.ts'

const run = promisify(execFile)
const PUT = 'iotanalytics/channels/my_channel/messages/put'
const EXAMPLE = '{"request":{"message":"{\\"temp\\":23.33}"},"id":"req123"}'

for (const version of ['mqttv311', 'mqttv5']) {
  for (const qos of ['0', '1', '2']) {
    test(`mosquitto_pub publishes (${version}, QoS ${qos}) and mosquitto_sub gets the receipt`, {
      skip: skipWithout('mosquitto_pub', 'mosquitto_sub'),
    }, async (t) => {
      const connector = await startConnector(t, {})
      const port = mqttPortOf(connector)
      const listening = ['-V', version, '-p', port, '-t', 'iotanalytics/messages/put/status', '-d']
      const subscriber = spawn('stdbuf', [
        '-oL',
        commandOf('mosquitto_sub'),
        ...listening,
        '-C',
        '1',
      ])
      t.after(() => subscriber.kill())
      const lines = createInterface(subscriber.stdout)
      const output: string[] = []
      const subscribed = new Promise<void>((resolve) => {
        lines.on('line', (line) => {
          output.push(line)
          if (line.includes('Subscribed')) resolve()
        })
      })
      const ended = once(lines, 'close')
      await subscribed

      await run(commandOf('mosquitto_pub'), [
        ...['-V', version, '-p', port, '-q', qos, '-t', PUT, '-m', EXAMPLE],
      ])
      await ended

      assert.ok(output.includes('{"response":{"status":"success"},"id":"req123"}'))
      assert.equal(connector.ledger()[0]?.delivered, 1)
      assertLedgerAddsUp(connector)
    })
  }
}

const PAHO = `
import json, sys, threading
import paho.mqtt.client as mqtt
got = threading.Event()
done = threading.Event()
def on_message(client, userdata, message):
    print(message.payload.decode(), flush=True)
    got.set()
def on_subscribe(client, *rest):
    for qos in (0, 1, 2):
        client.publish("${PUT}", json.dumps({"request": {"message": "m"}, "id": "paho%d" % qos}), qos)
client = mqtt.Client(protocol=mqtt.MQTTv5 if sys.argv[2] == "5" else mqtt.MQTTv311)
client.on_message = on_message
client.on_subscribe = on_subscribe
client.connect("127.0.0.1", int(sys.argv[1]))
client.subscribe("iotanalytics/messages/put/status", 1)
client.loop_forever()
`

for (const version of ['3', '5']) {
  test(`paho publishes at every QoS and gets its receipts (MQTT ${version})`, {
    skip: skipWithout('paho'),
  }, async (t) => {
    const connector = await startConnector(t, {})
    const paho = spawn(commandOf('paho'), ['-c', PAHO, mqttPortOf(connector), version])
    t.after(() => paho.kill())
    const receipts: string[] = []

    for await (const line of createInterface(paho.stdout)) {
      receipts.push(JSON.parse(line).id)
      if (receipts.length === 3) break
    }

    assert.deepEqual(receipts.sort(), ['paho0', 'paho1', 'paho2'])
    assert.equal(connector.ledger()[0]?.delivered, 3)
    assertLedgerAddsUp(connector)
  })
}
