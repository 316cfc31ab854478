/** `top` and `status` beside the whole connector, in a real terminal. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectAsync } from 'mqtt'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { skipWithout } from '../support/processes/real-peers.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { Terminal } from '../support/processes/tmux.ts'

const skip = skipWithout('tmux')
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.js')

test('top shows what comes in, and goes on after the connector was killed and restarted', {
  skip,
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(t, ['--data', directory]).started()
  const { httpUrl } = connector
  const device = await connectAsync(connector.mqttUrl)
  t.after(() => device.endAsync(true))
  const topic = 'iotanalytics/channels/pumps/messages/binary/put'
  const terminal = await Terminal.open(t, { columns: 120, rows: 40 })

  await terminal.enter(`'${process.execPath}' '${MAIN}' top --url ${httpUrl}; echo code "$?"`)
  await terminal.shows(/\[Channels 0\]/)
  await device.publishAsync(topic, '{"temp":23.3}', { qos: 1 })
  await terminal.shows(/^> pumps /m)
  await terminal.press('Enter')
  await terminal.shows(/^pumps$/m)
  // The tail begins when its stream is open.
  const sending = setInterval(() => device.publish(topic, '{"temp":40.5}'), 200)
  t.after(() => clearInterval(sending))
  await terminal.shows(/messages\/binary\/put {2}\{"temp":40\.5\}$/m)
  clearInterval(sending)
  await terminal.press('Escape')
  await terminal.shows(/\[Channels 1\]/)
  await terminal.press('Tab', 'Tab')
  await terminal.shows(/\[Clients 1\]/)
  await connector.crash()
  await terminal.shows(/^No answer from .* since \d\d:\d\d:\d\d, trying again: /m)
  const port = new URL(httpUrl).port
  await new ConnectorProcess(t, ['--data', directory, '--set', `http.port=${port}`]).started()
  await terminal.shows(/\[Clients 0\]/)
  assert.doesNotMatch(await terminal.text(), /No answer/)
  await terminal.press('q')

  await terminal.shows(/^code 0$/m)
  assert.deepEqual(await terminal.mode(), { isAlternate: false, hasCursor: true })
})

test('status and top --once say the same as the API of the running connector', async (t) => {
  const directory = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(t, ['--data', directory]).started()
  const url = ['--url', connector.httpUrl]

  const status = await runCommand(t, ['status', ...url])
  const once = await runCommand(t, ['top', '--once', ...url])
  const json = await runCommand(t, ['top', '--json', ...url])

  assert.deepEqual([status.code, once.code, json.code], [0, 0, 0], once.stderr + json.stderr)
  assert.match(status.stdout, /^OK {2}Everything works\.$/m)
  assert.match(once.stdout, /^mqttServer +listening /m)
  assert.deepEqual(Object.keys(JSON.parse(json.stdout)), [
    'overview',
    'channels',
    'destinations',
    'clients',
  ])
})
