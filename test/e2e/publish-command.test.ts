/** `publish` against a whole connector that refuses the message: exit code 1 and the reason. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCommand } from '../support/processes/command-line.ts'
import { mqttUrlOf, startConnector } from '../support/processes/running-connector.ts'

test('publish says why the connector refused a message, and ends with exit code 1', async (t) => {
  const acl = [{ publish: ['iotanalytics/#'] }]
  const connector = await startConnector(t, {
    sources: { mqttServer: { port: 0, acl } },
    storage: { maxChannels: 1 },
  })
  const publish = (...args: string[]) =>
    runCommand(t, ['publish', ...args, '--url', mqttUrlOf(connector)])

  const stored = await publish('a', 'x')
  const limit = await publish('b', 'x')
  const name = await publish('--topic', 'iotanalytics/channels/bad-name/messages/put', 'x')
  const ownName = await publish('bad/channel', 'x')
  const rule = await publish('--topic', 'factory/line1', 'x')

  assert.deepEqual([stored.code, stored.stdout], [0, 'published 1, 1 acknowledged\n'])
  for (const [{ code, stdout }, reason] of [
    [limit, /^published 1, 0 acknowledged, 1 refused\nrefused: 1 with reason code 0x97 \(a limit/],
    [name, /^published 1, 0 acknowledged, 1 refused\nrefused: 1 with reason code 0x90 .*channel/],
    [rule, /^published 1, 0 acknowledged, 1 refused\nrefused: 1 with reason code 0x87 \(not auth/],
  ] as const) {
    assert.equal(code, 1)
    assert.match(stdout, reason)
  }
  assert.deepEqual([ownName.code, ownName.stdout], [2, ''])
  assert.match(ownName.stderr, /^error: bad\/channel is not a channel name: /)
})
