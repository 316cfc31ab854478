import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { checkConnections } from '../../../src/connector/checks/connection-check.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

test('a check leaves the files alone that a running connector spools', async (t) => {
  const directory = await temporaryDirectory(t)
  const spool = join(directory, 'spool', 'gateway-1-lake')
  await mkdir(spool, { recursive: true })
  await writeFile(join(spool, 'presses-0a1b2c3d-0'), 'rows')
  const s3 = {
    bucket: 'lake',
    endpoint: 'http://127.0.0.1:1',
    region: 'us-west-2',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts: 1,
  }
  const config = parseConfig(
    { connectorId: 'gateway-1', storage: { directory }, destinations: [{ name: 'lake', s3 }] },
    {},
  )

  const [lake] = await checkConnections(config)

  assert.equal(lake?.problem?.code, 'DestinationUnavailable')
  assert.deepEqual(await readdir(spool), ['presses-0a1b2c3d-0'])
  assert.deepEqual(await readdir(directory), ['spool'])
})
