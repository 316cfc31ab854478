/** What the program prints goes to a full disk, `/dev/full`, or to a pipe that nobody reads. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectAsync, type MqttClient } from 'mqtt'
import { temporaryDirectory } from '../../support/disk/disk-stores.ts'
import { until } from '../../support/until.ts'

const MAIN = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.js')
const TOPIC = 'iotanalytics/channels/c/messages/put'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function connectedOnceUp(url: string): Promise<MqttClient> {
  let client: MqttClient | undefined
  await until('the connector listens', async () => {
    // Another server may have had the port: then the connection closes, which is no error.
    client = await connectAsync(url, { reconnectPeriod: 0 }, false).catch(() => undefined)
    return client !== undefined
  })
  assert(client !== undefined)
  return client
}

type Output = 'full' | 'closed' | 'ignore'

for (const [what, stdout, stderr] of [
  ['standard error is on a full disk', 'ignore', 'full'],
  ['standard output is on a full disk', 'full', 'ignore'],
  ['nobody reads either of them', 'closed', 'closed'],
] satisfies [string, Output, Output][]) {
  test(`when ${what}, the connector takes messages and stops gracefully`, async (t) => {
    const directory = await temporaryDirectory(t)
    const port = await freePort()
    const full = openSync('/dev/full', 'w')
    const stdioOf = (output: Output) =>
      output === 'full' ? full : output === 'closed' ? 'pipe' : 'ignore'
    const settings = [`sources.mqttServer.port=${port}`, 'http.port=null']
    const args = ['run', '--data', directory, '--log-level', 'debug']
    const child = spawn(
      process.execPath,
      [MAIN, ...args, ...settings.flatMap((setting) => ['--set', setting])],
      { cwd: tmpdir(), stdio: ['ignore', stdioOf(stdout), stdioOf(stderr)] },
    )
    closeSync(full)
    t.after(() => child.kill('SIGKILL'))
    child.stdout?.destroy()
    child.stderr?.destroy()
    const client = await connectedOnceUp(`mqtt://127.0.0.1:${port}`)

    // It is refused, which makes a log line.
    await client.publishAsync(TOPIC, 'no envelope', { qos: 1 })
    await client.publishAsync(TOPIC, '{"request":{"message":"x"}}', { qos: 1 })
    await client.endAsync()
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')

    assert.deepEqual([child.exitCode, child.signalCode], [0, null])
  })
}

test('a command whose result can’t be written says so and ends with exit code 1', async (t) => {
  const full = openSync('/dev/full', 'w')
  const child = spawn(process.execPath, [MAIN, 'check', '--while-running'], {
    cwd: await temporaryDirectory(t),
    stdio: ['ignore', full, 'pipe'],
  })
  closeSync(full)
  t.after(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr?.on('data', (text) => {
    stderr += text
  })

  const [code] = await once(child, 'close')

  assert.equal(code, 1)
  assert.match(stderr, /^error: writing to standard output: ENOSPC/m)
  assert.doesNotMatch(stderr, /^\s+at /m)
})
