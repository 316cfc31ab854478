import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { nodeFileLayer } from '../../../../../src/channels/disk/files/node-file-layer.ts'
import { temporaryDirectory } from '../../../../support/disk/disk-stores.ts'

test('a directory is created with its parents, and may exist already', async (t) => {
  const path = join(await temporaryDirectory(t), 'a', 'b', 'c')

  await nodeFileLayer.makeDirectory(path)
  await nodeFileLayer.makeDirectory(path)

  assert.ok((await stat(path)).isDirectory())
})

test('creating a directory fails where none can be created, instead of never returning', {
  skip: existsSync('/proc/self') ? false : 'there is no /proc here',
}, async () => {
  await assert.rejects(nodeFileLayer.makeDirectory('/proc/no/such'), { code: 'ENOENT' })
})

test('a durable file can be written and read, and is not emptied when it is opened', async (t) => {
  const path = join(await temporaryDirectory(t), '0.jnl')
  await writeFile(path, 'before')
  const file = await nodeFileLayer.open(path, 'durable')
  t.after(() => file.close())
  const into = Buffer.alloc(6)

  await file.write(Buffer.from('--AFT--'), 2, 5, 0)
  const read = await file.read(into, 6, 0)

  assert.deepEqual([read, into.toString()], [6, 'AFTore'])
  assert.equal(await readFile(path, 'utf8'), 'AFTore')
})

test('a write to a durable file that was moved away or removed fails', async (t) => {
  const directory = await temporaryDirectory(t)
  const moved = join(directory, '0.jnl')
  const removed = join(directory, '1.jnl')
  const replaced = join(directory, '2.jnl')
  for (const path of [moved, removed, replaced]) await writeFile(path, 'before')
  const files = await Promise.all(
    [moved, removed, replaced].map((path) => nodeFileLayer.open(path, 'durable')),
  )
  t.after(() => Promise.all(files.map((file) => file.close())))

  await rename(moved, join(directory, 'elsewhere'))
  await rm(removed)
  await writeFile(join(directory, 'other'), 'other')
  await rename(join(directory, 'other'), replaced)

  for (const file of files) {
    await assert.rejects(file.write(Buffer.from('x'), 0, 1, 0), { code: 'ENOENT' })
  }
})

test('opening a durable file does not create it', async (t) => {
  const path = join(await temporaryDirectory(t), '0.jnl')

  await assert.rejects(nodeFileLayer.open(path, 'durable'), { code: 'ENOENT' })
})

test('files and directories are for their owner alone, whatever the umask is', async (t) => {
  const directory = join(await temporaryDirectory(t), 'data', 'channels')
  const path = join(directory, '0.log')
  const umask = process.umask(0)
  t.after(() => process.umask(umask))

  await nodeFileLayer.makeDirectory(directory)
  await (await nodeFileLayer.open(path, 'replace')).close()

  const modes = [dirname(directory), directory, path].map(async (at) => (await stat(at)).mode)
  assert.deepEqual(
    (await Promise.all(modes)).map((mode) => mode & 0o777),
    [0o700, 0o700, 0o600],
  )
})

test('a link is not followed, in whichever way a file is opened', async (t) => {
  const directory = await temporaryDirectory(t)
  const target = join(directory, 'target')
  const path = join(directory, 'link')
  await writeFile(target, 'mine')
  await symlink(target, path)

  for (const mode of ['replace', 'edit', 'durable', 'read'] as const) {
    await assert.rejects(nodeFileLayer.open(path, mode), { code: 'ELOOP' })
  }

  assert.equal(await readFile(target, 'utf8'), 'mine')
})

test('a link in the place of a directory is refused with its path', async (t) => {
  const directory = await temporaryDirectory(t)
  const path = join(directory, 'journal')
  await mkdir(join(directory, 'elsewhere'))
  await symlink(join(directory, 'elsewhere'), path)

  await assert.rejects(nodeFileLayer.makeDirectory(path), {
    code: 'ENOTDIR',
    message: `ENOTDIR: expected a directory, found a symbolic link, which is not followed, ${path}`,
  })
})

test('links, pipes and sockets are not listed, and opening one does not block', async (t) => {
  const directory = await temporaryDirectory(t)
  const pipe = join(directory, 'pipe')
  spawnSync('mkfifo', [pipe])
  await symlink('/dev/zero', join(directory, 'link'))
  await writeFile(join(directory, 'file'), 'x')

  const names = (await nodeFileLayer.list(directory)).map(({ name }) => name)

  assert.deepEqual(names, ['file'])
  await assert.rejects(nodeFileLayer.open(pipe, 'read'), /expected a regular file/)
})

test('a write fails, and the process goes on, when the place of the file can’t be looked at', async (t) => {
  const directory = join(await temporaryDirectory(t), 'journal')
  await mkdir(directory)
  const path = join(directory, '0.jnl')
  await writeFile(path, '')
  const file = await nodeFileLayer.open(path, 'durable')
  t.after(() => file.close())

  await rename(directory, `${directory}.away`)
  await writeFile(directory, 'a file in the place of the directory')

  await assert.rejects(file.write(Buffer.from('x'), 0, 1, 0), { code: 'ENOTDIR' })
  await assert.rejects(file.sync(), { code: 'ENOTDIR' })
})
