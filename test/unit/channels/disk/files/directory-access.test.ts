import assert from 'node:assert/strict'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { accessAdvice } from '../../../../../src/channels/disk/files/directory-access.ts'
import { temporaryDirectory } from '../../../../support/disk/disk-stores.ts'

test('a directory that other users can use is named, with the command that closes it', async (t) => {
  const directory = join(await temporaryDirectory(t), "it's mine")
  await mkdir(directory)

  for (const [mode, text] of [
    [0o755, '755'],
    [0o710, '710'],
    [0o702, '702'],
  ] as const) {
    await chmod(directory, mode)
    const advice = (await accessAdvice(directory)) ?? ''

    assert.match(advice, new RegExp(`is open to other users of this machine \\(mode ${text}\\)`))
    assert.ok(advice.endsWith(`chmod -R go= '${directory.replace("'", `'\\''`)}'`), advice)
  }
})

test('there is no advice for a directory of its owner alone, and for one that does not exist', async (t) => {
  const directory = await temporaryDirectory(t)
  await chmod(directory, 0o700)

  assert.equal(await accessAdvice(directory), undefined)
  assert.equal(await accessAdvice(join(directory, 'none')), undefined)
})
