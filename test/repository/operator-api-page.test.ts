/** Runs the commands of docs/operator-api.md against a connector. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { connectAsync } from 'mqtt'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const page = await readFile(join(root, 'docs', 'operator-api.md'), 'utf8')
const commands = [...page.matchAll(/^```\n([\s\S]*?)^```$/gm)].flatMap(([, text = '']) =>
  text
    .replaceAll(/\\\n\s*/g, '')
    .trim()
    .split('\n'),
)

test('the commands of the page about the operator’s API are answered', async (t) => {
  const directory = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(t, ['--data', join(directory, 'data')]).started()
  const client = await connectAsync(connector.mqttUrl)
  const message = JSON.stringify({ request: { message: '{"temp":23.33}' }, id: 'req123' })
  await client.publishAsync('iotanalytics/channels/my_channel/messages/put', message, { qos: 1 })
  await client.endAsync()

  const answers: string[] = []
  for (const command of commands) {
    const line = command
      .replace('http://127.0.0.1:8090', connector.httpUrl)
      .replace(/^curl -sN/, 'curl -sN --max-time 3')
    // A stream is ended by its client, which curl reports as a failure.
    const script = `${line}; case $? in 0|28) ;; *) exit 1;; esac`
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script], { cwd: directory })
    assert.doesNotMatch(stdout, /"error":"/, `${command}: ${stdout}`)
    answers.push(stdout)
  }

  assert.equal(commands.length, 10)
  assert.match(answers[0] ?? '', /"verdict":\{"level":"ok"/)
  assert.match(answers[3] ?? '', /"id":"req123"/)
  assert.match(answers[4] ?? '', /"next":1,"end":1,"looked":1,.*"id":"req123"/)
  assert.match(answers[5] ?? '', /"path":"temp"/)
  assert.match(answers[6] ?? '', /"kind":"stored"/)
  assert.match(answers[7] ?? '', /"path":"http.port"/)
  assert.match(answers[8] ?? '', /\{"destinations":\[\]\}/)
  assert.match(answers[9] ?? '', /^retry: 2000\n\nevent: hello\ndata: \{/)
})
