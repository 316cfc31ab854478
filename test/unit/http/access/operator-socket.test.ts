/** The Unix socket in the data directory, with real connections and other users. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, lstat, mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { OperatorSocket, operatorSocketPath } from '../../../../src/http/access/operator-socket.ts'
import { askSocket } from '../../../support/http/operator-socket.ts'
import { jsonOf, serve, WITH_TOKEN } from '../../../support/http/served-view.ts'
import { commandOf, skipWithout } from '../../../support/processes/real-peers.ts'
import { temporaryDirectory } from '../../../support/processes/running-connector.ts'

const RETRY = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }

test('a request through the socket may do everything, without a token and for any host name', async (t) => {
  const socketDirectory = await temporaryDirectory(t)
  const { server, view } = await serve(t, WITH_TOKEN, { socketDirectory })
  const path = operatorSocketPath(socketDirectory)

  const session = await askSocket(path, '/api/v1/session', { headers: { host: 'any.example' } })
  const retried = await askSocket(path, '/api/v1/destinations/retry', RETRY)
  const code = JSON.parse(
    (await askSocket(path, '/api/v1/session/code', { ...RETRY, body: '{}' })).body,
  )
  const login = await fetch(`${server.description}/api/v1/session`, {
    ...RETRY,
    body: JSON.stringify({ code: code.code }),
  })

  assert.equal(server.socketPath, path)
  const { rights, by, advice } = JSON.parse(session.body)
  assert.deepEqual([rights, by, advice], [['view', 'operate'], 'socket', null])
  assert.deepEqual([retried.status, view.asked], [200, [{}]])
  assert.equal(code.address, server.description)
  assert.deepEqual((await jsonOf(login)).rights, ['view', 'operate'])
})

test('the socket is for its owner alone, and is removed when the server ends', async (t) => {
  const socketDirectory = await temporaryDirectory(t)
  const { server } = await serve(t, {}, { socketDirectory })
  const path = operatorSocketPath(socketDirectory)

  const { mode } = await lstat(path)
  const whileOpen = await readdir(socketDirectory)
  await server.close()

  assert.equal((mode & 0o777).toString(8), '600')
  assert.deepEqual(whileOpen, ['operator.sock'])
  assert.deepEqual(await readdir(socketDirectory), [])
})

/** Python, because another user may not be allowed to read the Node that runs this test. */
const CONNECT = `
import errno, socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    print('connected')
except OSError as error:
    print(errno.errorcode[error.errno])
`

test('another user of the machine cannot connect, also if the directory is open', {
  skip: process.getuid?.() === 0 ? skipWithout('python3') : 'needs root, to act as another user',
}, async (t) => {
  const socketDirectory = await temporaryDirectory(t)
  await chmod(socketDirectory, 0o777)
  await serve(t, {}, { socketDirectory })
  const args = ['-c', CONNECT, operatorSocketPath(socketDirectory)]

  const own = spawnSync(commandOf('python3'), args, { encoding: 'utf8' })
  const other = spawnSync(commandOf('python3'), args, {
    encoding: 'utf8',
    uid: 65_534,
    gid: 65_534,
    cwd: '/',
  })

  assert.deepEqual([own.stdout.trim(), other.stdout.trim()], ['connected', 'EACCES'])
})

test('what a killed connector left in the place of the socket is replaced', async (t) => {
  const socketDirectory = await temporaryDirectory(t)
  const path = operatorSocketPath(socketDirectory)
  const killed = spawnSync(
    process.execPath,
    [
      '-e',
      `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ],
    { encoding: 'utf8' },
  )
  await mkdir(join(socketDirectory, '.operator'))
  await writeFile(join(socketDirectory, '.operator', 's'), '')
  assert.equal(killed.signal, 'SIGKILL')
  assert.ok((await lstat(path)).isSocket())

  await serve(t, {}, { socketDirectory })

  assert.equal((await askSocket(path, '/health')).status, 200)
  assert.deepEqual(await readdir(socketDirectory), ['operator.sock'])
})

test('without a port the socket alone is there', async (t) => {
  const socketDirectory = await temporaryDirectory(t)
  const { server } = await serve(t, {}, { socketDirectory, hasPort: false })

  const health = await askSocket(operatorSocketPath(socketDirectory), '/health')

  assert.equal(health.status, 200)
  assert.deepEqual([server.port, server.address], [0, undefined])
})

test('if no socket can be made, the server says why and what to do, and goes on with its port', async (t) => {
  const long = join(await temporaryDirectory(t), 'x'.repeat(100))
  await mkdir(long)
  const taken = await temporaryDirectory(t)
  await mkdir(join(operatorSocketPath(taken), 'full'), { recursive: true })
  const missing = join(await temporaryDirectory(t), 'missing')
  const warnings: string[] = []
  const onInsecure = (warning: string) => warnings.push(warning)

  for (const socketDirectory of [long, taken, missing]) {
    const { url, server } = await serve(t, {}, { socketDirectory, onInsecure })
    assert.equal((await fetch(`${url}/health`)).status, 200)
    assert.equal(server.socketPath, undefined)
  }

  assert.match(warnings[0] ?? '', /There is no operator’s socket: the path .* has \d+ bytes, .*107/)
  assert.match(warnings[0] ?? '', /Set storage\.directory to a shorter path, or set http\.tokens/)
  assert.match(warnings[1] ?? '', /operator\.sock can’t be made: /)
  assert.match(warnings[2] ?? '', /operator\.sock can’t be made: /)
  assert.deepEqual((await readdir(taken)).sort(), ['operator.sock'])
})

test('a connection of the port is not taken for one of the socket when its client has left', async (t) => {
  const directory = await temporaryDirectory(t)
  const socket = new OperatorSocket(directory, createServer())
  t.after(() => socket.close())
  await socket.open()
  const port = createTcpServer()
  t.after(() => port.close())
  await once(port.listen(0, '127.0.0.1'), 'listening')
  const address = port.address()
  assert.ok(typeof address === 'object' && address !== null)
  const client = connect(address.port, '127.0.0.1')
  const [accepted] = await once(port, 'connection')

  client.destroy()
  accepted.destroy()
  await once(accepted, 'close')

  assert.equal(accepted.remoteAddress, undefined)
  assert.equal(socket.has(accepted), false)
})

test('closing the server ends a request that is under way on the socket', async (t) => {
  const socketDirectory = await temporaryDirectory(t)
  const { server, view } = await serve(t, {}, { socketDirectory })
  const sent = request({
    socketPath: operatorSocketPath(socketDirectory),
    path: '/api/v1/channels/pumps/messages?from=now&wait=60',
    agent: false,
  })
  sent.on('error', () => {})
  const ended = new Promise((resolve) => sent.once('close', resolve))
  sent.end()
  while (view.signals.length === 0) await new Promise(setImmediate)

  await server.close()
  await ended
})
