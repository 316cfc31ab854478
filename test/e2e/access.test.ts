/** Who may operate a whole connector: its own user, tokens, browsers; and nobody else. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { operatorSocketPath } from '../../src/http/access/operator-socket.ts'
import { jsonOf } from '../support/http/served-view.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

function retryAt(url: string, headers: Record<string, string> = {}): Promise<Response> {
  const path = '/api/v1/destinations/retry'
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: { ...JSON_TYPE, ...headers },
    body: '{}',
  })
}

test('without any configuration the own user operates through the socket, and everyone else views', async (t) => {
  const data = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(t, ['--data', data]).started()

  const retried = await runCommand(t, ['retry', '--data', data])
  const named = await runCommand(t, ['retry', '--url', `unix:${operatorSocketPath(data)}`])
  const overHttp = await runCommand(t, ['retry', '--url', connector.httpUrl])
  const status = await runCommand(t, ['status', '--url', connector.httpUrl])

  assert.deepEqual([retried.code, retried.stdout], [0, 'No channel waits for a retry.\n'])
  assert.equal(named.code, 0)
  assert.equal(overHttp.code, 1)
  assert.match(overHttp.stderr, /answered 403: .*right operate.*--token-file/)
  assert.equal(status.code, 0)
  connector.signal('SIGTERM')
  assert.equal((await connector.ends()).code, 0)
  assert.ok(!(await readdir(data)).includes('operator.sock'))
})

test('another user of the machine is informed why the socket does not serve it', {
  skip: process.getuid?.() === 0 ? false : 'needs root, to act as another user',
}, async (t) => {
  const data = await temporaryDirectory(t)
  await chmod(data, 0o755)
  const connector = await new ConnectorProcess(t, ['--data', data]).started()
  const port = new URL(connector.httpUrl).port
  const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.js')

  const { status, stderr } = spawnSync(
    process.execPath,
    [main, 'retry', '--data', data, '--set', `http.port=${port}`],
    { encoding: 'utf8', uid: 65_534, gid: 65_534, cwd: '/' },
  )

  assert.equal(status, 1, stderr)
  assert.match(stderr, /answered 403: .*operator\.sock belongs to another user \(run the command/)
})

test('after kill -9 the socket that is left misleads nobody, and the next start replaces it', async (t) => {
  const data = await temporaryDirectory(t)
  const first = await new ConnectorProcess(t, ['--data', data]).started()
  await first.crash()
  assert.ok((await stat(operatorSocketPath(data))).isSocket())

  const alone = await runCommand(t, ['status', '--data', data, '--set', 'http.port=1'])
  const doctor = await runCommand(t, ['doctor', '--data', data])
  const exported = await runCommand(t, ['export', 'none', '--data', data])
  await new ConnectorProcess(t, ['--data', data]).started()
  const again = await runCommand(t, ['status', '--data', data])

  assert.equal(alone.code, 1)
  assert.match(alone.stderr, /Can’t read from the connector at http:\/\/127\.0\.0\.1:1: /)
  assert.match(alone.stderr, /socket was tried before: no connector listens at .*operator\.sock/)
  assert.match(alone.stderr, /iot-analytics-connector run/)
  assert.equal(doctor.code, 0, doctor.stdout + doctor.stderr)
  assert.doesNotMatch(doctor.stdout, /operator\.sock/)
  assert.doesNotMatch(exported.stderr, /operator\.sock/)
  assert.equal(again.code, 0)
})

test('with `http: false` the commands work through the socket, and a browser cannot', async (t) => {
  const data = await temporaryDirectory(t)
  const file = join(data, 'off.yaml')
  await writeFile(file, 'http: false\nsources: { mqttServer: { port: 0 } }\n')
  const args = ['--config', file, '--data', join(data, 'data')]
  const command = new ConnectorProcess(t, args, { withMqttServer: false, withHttp: false })
  await command.started()

  const status = await runCommand(t, ['status', ...args])
  const dashboard = await runCommand(t, ['dashboard', ...args])
  command.signal('SIGTERM')
  await command.ends()
  const stopped = await runCommand(t, ['status', ...args])

  assert.equal(status.code, 0, status.stderr)
  assert.equal(dashboard.code, 2)
  assert.match(dashboard.stderr, /`http: false`, so browsers cannot reach it/)
  assert.match(stopped.stderr, /through its socket: .*operator\.sock does not exist.*connector run/)
})

test('dashboard prints an address whose code logs one browser in, once', async (t) => {
  const data = await temporaryDirectory(t)
  const connector = await new ConnectorProcess(t, ['--data', data]).started()

  const { code, stdout, stderr } = await runCommand(t, ['dashboard', '--data', data])
  const address = new URL(stdout.trim())
  const login = (secret: string) =>
    fetch(`${connector.httpUrl}/api/v1/session`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ code: secret }),
    })
  const first = await login(address.hash.replace('#code=', ''))
  const second = await login(address.hash.replace('#code=', ''))
  const cookie = (first.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const retried = await retryAt(connector.httpUrl, { cookie })
  const foreign = await retryAt(connector.httpUrl, { cookie, origin: 'http://127.0.0.1:1880' })

  assert.equal(code, 0)
  assert.equal(address.origin, connector.httpUrl)
  assert.match(address.hash, /^#code=[\w-]{43}$/)
  assert.match(stderr, /once, within 60 s/)
  assert.deepEqual((await jsonOf(first)).rights, ['view', 'operate'])
  assert.equal(second.status, 401)
  assert.deepEqual([retried.status, foreign.status], [200, 403])
})

test('dashboard --open shows the address to the browser, and to nobody who lists the programs', {
  skip: process.platform === 'linux' ? false : 'xdg-open is for Linux',
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const opened = join(directory, 'opened')
  const script = `#!/bin/sh\nprintf '%s\\n' "$@" > '${opened}.part'\ncat "$1" >> '${opened}.part'\nmv '${opened}.part' '${opened}'\n`
  await writeFile(join(directory, 'xdg-open'), script, { mode: 0o755 })
  const data = join(directory, 'data')
  await new ConnectorProcess(t, ['--data', data]).started()

  const { code, stdout } = await runCommand(t, ['dashboard', '--data', data, '--open'], {
    env: { PATH: `${directory}:${process.env['PATH']}`, TMPDIR: directory },
  })
  await until('it was opened', () => existsSync(opened))
  const [argument = '', page = ''] = (await readFile(opened, 'utf8')).split('\n')

  assert.equal(code, 0)
  assert.doesNotMatch(argument, /code=/)
  assert.ok(page.includes(`url=${stdout.trim()}"`))
  assert.equal(((await stat(argument)).mode & 0o777).toString(8), '600')
})

test('a token that a command makes may do what it was made for, until a command revokes it', async (t) => {
  const directory = await temporaryDirectory(t)
  const file = join(directory, 'tokens')
  const made = await runCommand(t, [
    'token',
    'create',
    'ops',
    '--rights',
    'operate',
    '--file',
    file,
  ])
  const viewer = await runCommand(t, ['token', 'create', 'grafana', '--file', file])
  const args = ['--data', join(directory, 'data'), '--set', `http.tokens=${file}`]
  const connector = await new ConnectorProcess(t, args).started()
  const tokenFile = join(directory, 'ops.token')
  await writeFile(tokenFile, made.stdout)
  const url = ['--url', connector.httpUrl]
  const env = { IOT_ANALYTICS_CONNECTOR_URL: connector.httpUrl }

  const operated = await runCommand(t, ['retry', ...url, '--token-file', tokenFile])
  const byEnvironment = await runCommand(t, ['retry'], {
    env: { ...env, IOT_ANALYTICS_CONNECTOR_TOKEN: made.stdout.trim() },
  })
  const viewed = await runCommand(t, ['status'], {
    env: { ...env, IOT_ANALYTICS_CONNECTOR_TOKEN: viewer.stdout.trim() },
  })
  const refused = await runCommand(t, ['retry'], {
    env: { ...env, IOT_ANALYTICS_CONNECTOR_TOKEN: viewer.stdout.trim() },
  })
  const nobody = await runCommand(t, ['retry', ...url])
  const listed = await runCommand(t, ['token', 'list', '--file', file])
  const revoked = await runCommand(t, ['token', 'revoke', 'ops', '--file', file])
  const headers = { authorization: `Bearer ${made.stdout.trim()}` }
  let last = 200
  await until('the token ends', async () => {
    last = (await fetch(`${connector.httpUrl}/ledger`, { headers })).status
    return last !== 200
  })

  assert.deepEqual([made.code, viewer.code], [0, 0])
  assert.match(made.stdout, /^iac_[\w-]{43}\n$/)
  assert.match(
    made.stderr,
    /shown only now.*\n.*add this to the configuration:\n\n {2}http:\n {4}tokens: \//,
  )
  assert.equal(operated.code, 0, operated.stderr)
  assert.equal(byEnvironment.code, 0, byEnvironment.stderr)
  assert.equal(viewed.code, 0, viewed.stderr)
  assert.match(refused.stderr, /answered 403: .*right operate/)
  assert.match(nobody.stderr, /answered 401: .*IOT_ANALYTICS_CONNECTOR_TOKEN/)
  assert.match(listed.stdout, /^ops +operate +20\d\d-.*Z\ngrafana +view +20.*Z\n$/)
  assert.deepEqual([revoked.code, last], [0, 401])
})

test('token keeps its file for the owner alone, and refuses what it cannot do', async (t) => {
  const file = join(await temporaryDirectory(t), 'tokens')
  const token = (...args: string[]) => runCommand(t, ['token', ...args, '--file', file])

  const made = await token('create', 'one')
  const twice = await token('create', 'one')
  const badName = await token('create', 'a/b')
  const badRight = await token('create', 'two', '--rights', 'root')
  const unknown = await token('revoke', 'two')
  const noFile = await runCommand(t, ['token', 'list'])
  const text = await readFile(file, 'utf8')
  const { mode } = await stat(file)
  await writeFile(file, 'ops:secret\n')
  const broken = await token('create', 'three')

  assert.equal((mode & 0o777).toString(8), '600')
  assert.ok(!text.includes(made.stdout.trim()))
  assert.deepEqual([twice.code, badName.code, badRight.code, unknown.code], [2, 2, 2, 2])
  assert.match(twice.stderr, /has a token one already: take another name, or revoke it first/)
  assert.match(badName.stderr, /a name has 1 to 64 letters/)
  assert.match(badRight.stderr, /Allowed choices are view, operate/)
  assert.match(unknown.stderr, /has no token two; token list shows them/)
  assert.match(noFile.stderr, /no http\.tokens; name the file of tokens with --file/)
  assert.match(broken.stderr, /Can’t use .*tokens: line 1: expected/)
  assert.equal(await readFile(file, 'utf8'), 'ops:secret\n')
})
