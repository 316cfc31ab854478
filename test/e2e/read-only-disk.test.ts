/** The file system is read-only when the program starts, as Linux makes it after a disk error. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectAsync } from 'mqtt'
import { reset } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { SmallFileSystem } from '../support/disk/small-file-system.ts'
import { ConnectorProcess, sendingTo } from '../support/processes/connector-process.ts'

const TOPIC = 'iotanalytics/channels/c/messages/put'

function connectorOn(
  t: TestContext,
  disk: SmallFileSystem,
  api: FakeIotAnalytics,
): ConnectorProcess {
  return new ConnectorProcess(t, [
    ...['--data', join(disk.directory, 'data'), ...sendingTo(api, 'us-west-2')],
    ...['--set', 'parameters.PublishInterval=0', '--set', 'storage.maxBytes=4194304'],
  ])
}

async function publish(url: string, ids: readonly string[]): Promise<void> {
  const client = await connectAsync(url, { protocolVersion: 5 })
  for (const id of ids) {
    const body = JSON.stringify({ request: { message: `reading of ${id}` }, id })
    await client.publishAsync(TOPIC, body, { qos: 1 })
  }
  await client.endAsync()
}

test('a start on a read-only file system says so, and what was acknowledged is delivered once it is writable', {
  skip: SmallFileSystem.obstacle() ?? false,
}, async (t) => {
  const api = await FakeIotAnalytics.start(t)
  api.answerWhile(() => true, reset())
  const disk = await SmallFileSystem.mount(8 * 1024 * 1024)
  t.after(() => disk.unmount())
  const first = await connectorOn(t, disk, api).started()
  await publish(first.mqttUrl, ['a', 'b', 'c'])
  await first.crash()
  disk.remount('ro')

  const refused = await connectorOn(t, disk, api).ends()
  disk.remount('rw')
  api.recover()
  const last = await connectorOn(t, disk, api).started()
  await api.until(() => api.received('c').length >= 3)
  await last.crash()

  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /the file system is read-only/)
  assert.deepEqual(
    api.received('c').map(({ messageId }) => messageId),
    ['a', 'b', 'c'],
  )
})
