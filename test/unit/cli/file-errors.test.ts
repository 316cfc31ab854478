/** Files and directories that can't be used: a sentence with the full path, and what to do. */
import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeCertificates, skipWithoutOpenssl } from '../../support/processes/certificates.ts'
import { runCommand } from '../../support/processes/command-line.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

const FREE = ['--set', 'sources.mqttServer.port=0', '--set', 'http.port=0']

/** A directory with `file`, `directory` and `loop`, a link to itself. */
async function place(t: TestContext): Promise<string> {
  const cwd = await temporaryDirectory(t)
  await writeFile(join(cwd, 'file'), 'text')
  await mkdir(join(cwd, 'directory'))
  await symlink('loop', join(cwd, 'loop'))
  return cwd
}

async function errorOf(t: TestContext, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await runCommand(t, args, { cwd })
  assert.notEqual(code, 0, args.join(' '))
  assert.equal(stdout, '')
  assert.doesNotMatch(stderr, /^\s+at |bug in the program/m)
  return stderr
}

test('a configuration or definition that can’t be read is named by its full path', async (t) => {
  const cwd = await place(t)

  for (const flag of ['--config', '--connector-definition']) {
    for (const [file, reason] of [
      ['none.yaml', 'there is no such file'],
      ['directory', 'it is a directory'],
      ['file/c.yaml', 'a part of the path is not a directory'],
      ['loop', 'its symbolic links lead in a circle'],
    ] as const) {
      const stderr = await errorOf(t, ['check', flag, file], cwd)
      assert.equal(stderr, `error: Can’t read ${join(cwd, file)}: ${reason}\n`)
    }
  }
})

test('a data directory that can’t be opened is named by its full path, by check and by run', async (t) => {
  const cwd = await place(t)

  const check = await errorOf(t, ['check', ...FREE, '--data', 'loop'], cwd)
  const run = await errorOf(t, ['run', ...FREE, '--data', 'loop'], cwd)
  const foreign = await errorOf(t, ['run', ...FREE, '--data', '/proc/none'], cwd)

  assert.equal(run, check)
  assert.match(check, /^error: storage\.directory: \/.*\/loop can’t be written: its symbolic links/)
  assert.match(
    foreign,
    /^error: the data directory \/proc\/none can’t be used: a directory in the path does not exist and cannot be created \(ENOENT: /,
  )
})

test('the files that other commands work on are named by their full path', async (t) => {
  const cwd = await place(t)

  const doctor = await errorOf(t, ['doctor', '--data', 'directory'], cwd)
  const passwd = await errorOf(t, ['passwd', 'directory', 'pump_1'], cwd)
  const nowhere = await runCommand(t, ['passwd', 'none/users', 'pump_1'], { cwd, input: 'secret' })
  const ca = await errorOf(t, ['publish', 'c', 'x', '--ca', 'none', '--url', 'mqtts://[::1]'], cwd)

  assert.match(doctor, /^error: \/.*\/directory is not a data directory: .*--data\n$/)
  assert.match(passwd, /^error: Can’t read \/.*\/directory: it is a directory\n$/)
  assert.match(
    nowhere.stderr,
    /^error: Can’t write \/.*\/none\/users: a directory in the path does/,
  )
  assert.match(ca, /^error: Can’t read \/.*\/none: there is no such file\n$/)
})

test('what is wrong with certificates and keys is said in plain words', {
  skip: skipWithoutOpenssl,
}, async (t) => {
  const cwd = await place(t)
  const certificates = makeCertificates(t)
  certificates.encryptKey('broker', 'secret')
  const pair = (section: string, cert: string, key: string) =>
    [`${section}.cert=${cert}`, `${section}.key=${key}`].flatMap((setting) => ['--set', setting])
  const [broker, client] = [certificates.path('broker'), certificates.path('connector')]

  for (const [cert, key, reason] of [
    ['file', 'file', 'one of them is not a PEM file'],
    [`${broker}.crt`, `${client}.key`, 'the key does not belong to the certificate'],
    [`${broker}.crt`, `${broker}.encrypted.key`, 'passphrase is wrong or missing'],
  ] as const) {
    const server = ['--set', 'sources.mqttServer.tls.port=0']
    const tls = pair('sources.mqttServer.tls', cert, key)
    const stderr = await errorOf(t, ['check', ...FREE, ...server, ...tls], cwd)
    assert.match(stderr, new RegExp(`can’t be used together: .*${reason} \\(`))
  }
})
