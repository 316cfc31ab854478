import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DirectoryLock } from '../../../../../src/channels/disk/files/directory-lock.ts'
import { ConnectorError } from '../../../../../src/errors.ts'
import { temporaryDirectory } from '../../../../support/disk/disk-stores.ts'

const CONTENDER = join(
  import.meta.dirname,
  '..',
  '..',
  '..',
  '..',
  'support',
  'disk',
  'lock-contender.js',
)

async function contender(t: TestContext, directory: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [CONTENDER, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  assert.equal(await lineOf(child), 'ready')
  return child
}

async function lineOf(child: ChildProcess): Promise<string> {
  const [line] = await once(child.stdout!, 'data')
  return String(line).trim()
}

function isLocked(error: unknown): boolean {
  return error instanceof ConnectorError && error.code === 'DirectoryLocked'
}

async function owner(directory: string) {
  const name = (await readdir(directory)).filter((one) => /^lock\.\d+$/.test(one)).at(-1)!
  const path = join(directory, name)
  return { path, value: JSON.parse(await readFile(path, 'utf8')) }
}

test('a second lock in the same process is refused until the first is released', async (t) => {
  const directory = await temporaryDirectory(t)
  const first = new DirectoryLock(directory)
  const second = new DirectoryLock(directory)
  await first.acquire()

  await assert.rejects(second.acquire(), (error) => {
    assert.ok(isLocked(error))
    assert.match(String(error), new RegExp(`process ${process.pid} `))
    return true
  })
  await first.release()
  await second.acquire()

  await second.release()
})

test('exactly one of several processes that start at once gets the directory, also from a dead owner', async (t) => {
  const directory = await temporaryDirectory(t)

  for (let round = 0; round < 3; round++) {
    const children = await Promise.all(Array.from({ length: 4 }, () => contender(t, directory)))
    for (const child of children) child.stdin?.write('go\n')
    const answers = await Promise.all(children.map(lineOf))
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(
      children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')),
    )

    assert.deepEqual(answers.sort(), [
      'DirectoryLocked',
      'DirectoryLocked',
      'DirectoryLocked',
      'held',
    ])
  }

  const lock = new DirectoryLock(directory)
  await lock.acquire()
  await lock.release()
})

test('a lock of a reused pid, of another boot or with invalid contents is stale', async (t) => {
  const directory = await temporaryDirectory(t)
  const before = new DirectoryLock(directory)
  await before.acquire()
  const { path, value } = await owner(directory)
  const lock = new DirectoryLock(directory)

  for (const content of [
    JSON.stringify({ ...value, startedAt: '1' }),
    JSON.stringify({ ...value, bootId: 'another' }),
    '',
    '{"pid":',
  ]) {
    const last = await owner(directory).catch(() => ({ path }))
    await writeFile(last.path, content)
    await lock.acquire()
    await lock.release()
  }
  await before.release()
})

test('an owner in another pid namespace is found alive by its socket', async (t) => {
  const directory = await temporaryDirectory(t)
  const before = new DirectoryLock(directory)
  await before.acquire()
  const { path, value } = await owner(directory)
  await before.release()
  const socket = 'lock.other.sock'
  await writeFile(path, JSON.stringify({ ...value, pidNamespace: 'pid:[1]', socket, pid: 1 }))
  const server = createServer()
  server.listen(join(directory, socket))
  await once(server, 'listening')
  const lock = new DirectoryLock(directory)

  await assert.rejects(lock.acquire(), isLocked)
  server.close()
  await once(server, 'close')
  await lock.acquire()

  await lock.release()
  assert.deepEqual((await readdir(directory)).sort(), ['lock.2', 'lock.spare'])
})

test('a lock can name no socket outside of the directory, so that no other file is removed', async (t) => {
  const parent = await temporaryDirectory(t)
  const directory = join(parent, 'data')
  await mkdir(directory)
  const before = new DirectoryLock(directory)
  await before.acquire()
  const { path, value } = await owner(directory)
  await before.release()
  await writeFile(join(parent, 'mine.sock'), 'mine')
  await writeFile(path, JSON.stringify({ ...value, isReleased: true, socket: '../mine.sock' }))
  const lock = new DirectoryLock(directory)

  await lock.acquire()
  await lock.release()

  assert.equal(await readFile(join(parent, 'mine.sock'), 'utf8'), 'mine')
})

test('a link in the place of a file of the lock is not followed', async (t) => {
  const parent = await temporaryDirectory(t)
  const directory = join(parent, 'data')
  await mkdir(directory)
  await writeFile(join(parent, 'mine'), 'mine')
  await symlink(join(parent, 'mine'), join(directory, 'lock.spare'))
  const lock = new DirectoryLock(directory)

  await lock.acquire()
  await lock.release()

  assert.equal(await readFile(join(parent, 'mine'), 'utf8'), 'mine')
})

test('a lock of a gigabyte is not read as a whole', async (t) => {
  const directory = await temporaryDirectory(t)
  const long = join(directory, 'lock.7')
  await writeFile(long, '{}')
  await truncate(long, 2 ** 30)
  const lock = new DirectoryLock(directory)
  const before = process.memoryUsage().rss

  await lock.acquire()
  await lock.release()

  assert.ok(process.memoryUsage().rss - before < 50_000_000)
})

test('a copy of a directory in use can be used beside it, and each has one process at most', async (t) => {
  const parent = await temporaryDirectory(t)
  const directory = join(parent, 'data')
  const copy = join(parent, 'copy')
  await mkdir(directory)
  const original = new DirectoryLock(directory)
  await original.acquire()
  await cp(directory, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  const copied = new DirectoryLock(copy)

  assert.equal(await copied.holder(), undefined)
  await copied.acquire()

  for (const path of [directory, copy]) {
    await assert.rejects(new DirectoryLock(path).acquire(), isLocked)
  }
  await original.release()
  await copied.release()
})

test('a directory that is moved while a process uses it stays locked', async (t) => {
  const parent = await temporaryDirectory(t)
  const directory = join(parent, 'data')
  await mkdir(directory)
  const lock = new DirectoryLock(directory)
  await lock.acquire()
  await rename(directory, join(parent, 'moved'))

  await assert.rejects(new DirectoryLock(join(parent, 'moved')).acquire(), isLocked)

  await lock.release()
})

test('an owner whose directory seems to have another inode is found alive by its socket', async (t) => {
  const directory = await temporaryDirectory(t)
  const before = new DirectoryLock(directory)
  await before.acquire()
  const { path, value } = await owner(directory)
  await writeFile(path, JSON.stringify({ ...value, inode: '1' }))

  await assert.rejects(new DirectoryLock(directory).acquire(), isLocked)

  await before.release()
})

test('a directory in the place of an older lock does not keep a process from starting', async (t) => {
  const directory = await temporaryDirectory(t)
  await mkdir(join(directory, 'lock.3'))
  const lock = new DirectoryLock(directory)

  await lock.acquire()
  await lock.release()

  assert.ok((await readdir(directory)).includes('lock.4'))
})
