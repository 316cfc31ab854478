/** What holds for the connector as a whole, from start to stop. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { createConnector } from '../../../src/index.ts'
import { startConnector, temporaryDirectory } from '../../support/processes/running-connector.ts'

test('log lines that are held back as repeats are written with their count when the connector stops', async (t) => {
  const lines: string[] = []
  const connector = createConnector(
    {
      sources: { mqttServer: { port: 0 } },
      storage: { directory: await temporaryDirectory(t) },
      http: false,
      log: { format: 'json' },
    },
    { logOutput: { write: (line: string) => lines.push(line) } },
  )
  t.after(() => connector.stop())
  await connector.start()
  for (let n = 0; n < 3; n += 1) {
    await assert.rejects(connector.publish('not-a-channel', 'x'), { code: 'InvalidChannelName' })
  }

  await connector.stop()

  const drops = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'drops')
  assert.deepEqual(
    drops.map(({ repeated }) => repeated),
    [undefined, 2],
  )
})

test('a broker that is not there is in /health, with the state and since when', async (t) => {
  const before = Date.now()
  const connector = await startConnector(t, {
    sources: { mqttClient: { url: `mqtt://127.0.0.1:${await unusedPort()}` } },
  })
  const http = String(connector.describe().http)
  const healthOf = async () => JSON.parse(await (await fetch(`${http}/health`)).text())

  while (!/ECONNREFUSED/.test(String((await healthOf()).problems))) {
    await new Promise(setImmediate)
  }

  const { ready, sources, problems } = await healthOf()
  assert.equal(ready, true, 'the store works, and a restart would not help')
  assert.deepEqual([sources[0].name, sources[0].state], ['mqttClient', 'disconnected'])
  assert(Date.parse(sources[0].since) >= before)
  assert.match(problems[0], /^Source mqttClient, disconnected since .*ECONNREFUSED/)
})

async function unusedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
