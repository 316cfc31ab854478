/** What a data directory remembers of logs for destinations that record positions. */
import assert from 'node:assert/strict'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { LogNotesFile } from '../../../src/connector/log-notes-file.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

const RENEWED = { renewal: { from: 1000, logId: '5e6f7a8b' }, endBefore: 1200 }

test('notes are there after a restart, and those that are empty are not kept', async (t) => {
  const directory = await temporaryDirectory(t)
  const notes = await LogNotesFile.open(directory)

  await Promise.all([
    notes.keep('database', '0a1b2c3d', RENEWED),
    notes.keep('database', '11111111', { endBefore: 7 }),
    notes.keep('__proto__', '22222222', { endBefore: 8 }),
  ])
  await notes.keep('database', '11111111', {})

  const found = await LogNotesFile.open(directory)
  assert.deepEqual(found.find('database', '0a1b2c3d'), RENEWED)
  assert.deepEqual(found.find('database', '11111111'), {})
  assert.deepEqual(found.find('__proto__', '22222222'), { endBefore: 8 })
  assert.deepEqual(found.find('another', '0a1b2c3d'), {})
  assert.equal((await stat(join(directory, 'log-notes'))).mode & 0o777, 0o600)
  assert.doesNotMatch(await readFile(join(directory, 'log-notes'), 'utf8'), /11111111/)
})

test('without a note there is no file', async (t) => {
  const directory = await temporaryDirectory(t)

  assert.deepEqual((await LogNotesFile.open(directory)).find('database', '0a1b2c3d'), {})
  await assert.rejects(stat(join(directory, 'log-notes')), { code: 'ENOENT' })
})

for (const [what, text] of [
  ['is cut off', '{"database":{"0a1b2c3d":{"endBefore":7'],
  ['is empty', ''],
  ['has a negative offset', '{"database":{"0a1b2c3d":{"endBefore":-7}}}'],
  ['has an id of another form', '{"d":{"0a1b2c3d":{"renewal":{"from":1,"logId":"../x"}}}}'],
] as const) {
  test(`a file that ${what} is not ignored`, async (t) => {
    const directory = await temporaryDirectory(t)
    await writeFile(join(directory, 'log-notes'), text)

    await assert.rejects(LogNotesFile.open(directory), {
      code: 'StorageFailed',
      message: /log-notes is damaged/,
    })
  })
}

test('a note that can’t be written is an error, and is not taken for kept', async (t) => {
  const directory = await temporaryDirectory(t)
  const notes = await LogNotesFile.open(directory)
  await mkdir(join(directory, 'log-notes.tmp'))

  await assert.rejects(notes.keep('database', '0a1b2c3d', RENEWED), { code: 'StorageFailed' })

  assert.deepEqual(notes.find('database', '0a1b2c3d'), {})
})
