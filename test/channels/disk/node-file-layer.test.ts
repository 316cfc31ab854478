import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeFileLayer } from '../../../src/channels/disk/node-file-layer.ts'
import { temporaryDirectory } from '../../support/disk-stores.ts'

test('a directory is made with its parents, and may be there already', async (t) => {
  const path = join(await temporaryDirectory(t), 'a', 'b', 'c')

  await nodeFileLayer.makeDirectory(path)
  await nodeFileLayer.makeDirectory(path)

  assert.ok((await stat(path)).isDirectory())
})

test('where no directory can be made it says so instead of trying for ever', {
  skip: existsSync('/proc/self') ? false : 'there is no /proc here',
}, async () => {
  await assert.rejects(nodeFileLayer.makeDirectory('/proc/no/such'), { code: 'ENOENT' })
})
