import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { connectorIdOf } from '../../../src/connector/connector-id.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

test('a connector’s id is chosen once, and kept where only its user can read it', async (t) => {
  const directory = await temporaryDirectory(t)
  const config = parseConfig({ storage: { directory } }, {})

  const id = await connectorIdOf(config)

  assert.match(id, /^[0-9a-f]{24}$/)
  assert.equal(await connectorIdOf(config), id)
  assert.deepEqual(await readdir(directory), ['connector-id'])
  assert.equal((await stat(join(directory, 'connector-id'))).mode & 0o777, 0o600)
  assert.equal(await readFile(join(directory, 'connector-id'), 'utf8'), `${id}\n`)
})

test('two connectors choose different ids, and a setting takes the place of a choice', async (t) => {
  const first = parseConfig({ storage: { directory: await temporaryDirectory(t) } }, {})
  const second = parseConfig({ storage: { directory: await temporaryDirectory(t) } }, {})
  const named = parseConfig({ connectorId: 'gateway-1', storage: { durability: 'memory' } }, {})

  assert.notEqual(await connectorIdOf(first), await connectorIdOf(second))
  assert.equal(await connectorIdOf(named), 'gateway-1')
})

test('a file with something else is refused, because destinations know the messages by it', async (t) => {
  const directory = await temporaryDirectory(t)
  await writeFile(join(directory, 'connector-id'), 'plant 3\n')

  await assert.rejects(connectorIdOf(parseConfig({ storage: { directory } }, {})), {
    code: 'StorageFailed',
    message: /connector-id is damaged: expected 1 to 64 of A-Z a-z 0-9 _ -\. Write the id/,
  })
})
