/** The single executables: built, run, asked. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { VERSION } from '../../src/version.ts'
import { ran, repository } from '../support/processes/package-sources.ts'
import { commandOf, skipWithout } from '../support/processes/real-peers.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const { nodeFolder } = await import(join(repository, 'scripts', 'release', 'executable-node.mjs'))
const skip = withoutNode(arch())
const ARM_LIBRARIES = '/usr/aarch64-linux-gnu'
const ARM_PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1'].map(
  (name) => `${name}-arm64-cross`,
)

function withoutNode(kind: string): string | false {
  if (existsSync(nodeFolder(kind))) return false
  return `the Node for executables is missing: node scripts/fetch/node.mjs ${kind}`
}

function withoutArm(): string | false {
  if (arch() === 'arm64') return 'this machine is arm64, so the first test runs that executable'
  const program = skipWithout('qemu-aarch64') || withoutNode('arm64')
  if (program !== false) return program
  const libraries = join(ARM_LIBRARIES, 'lib', 'libatomic.so.1')
  return existsSync(libraries)
    ? false
    : `libraries of arm64 are missing: apt-get install ${ARM_PACKAGES.join(' ')}`
}

const directory = mkdtempSync(join(tmpdir(), 'executable-'))
after(() => rmSync(directory, { recursive: true, force: true }))

/** The path of the executable, built in a directory of that name. */
function built(name: string, kind: string): string {
  const target = join(directory, name)
  const folder = `iot-analytics-connector-${VERSION}-linux-${kind}`
  const executable = join(target, folder, 'iot-analytics-connector')
  if (existsSync(executable)) return executable
  const script = join(repository, 'scripts', 'build-executable.mjs')
  const { code, output } = ran(process.execPath, [script, target, '--unpacked', '--kind', kind])
  assert.equal(code, 0, output)
  return executable
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

/**
 * @param command the program and the arguments that start the executable
 * @param canStartItself whether the executable alone can be started here
 */
async function takesMessage(
  t: TestContext,
  command: readonly string[],
  canStartItself = true,
): Promise<void> {
  const directory = await temporaryDirectory(t)
  const [program = '', ...first] = command
  const runs = (...args: string[]) => ran(program, [...first, ...args], { cwd: directory })

  assert.equal(runs('--version').stdout, `${VERSION}\n`)
  const settings = ['http.port=0', 'sources.mqttServer.port=0'].flatMap((set) => ['--set', set])
  const run = ['run', '--banner', '--data', join(directory, 'data'), ...settings]
  const connector = spawn(program, [...first, ...run], {
    cwd: directory,
    env: { PATH: '/usr/bin:/bin' },
  })
  t.after(() => connector.kill('SIGKILL'))
  let shown = ''
  connector.stdout.on('data', (text) => {
    shown += text
  })
  await until('it runs', () => /Ctrl-C stops it gracefully/.test(shown))
  const address = (pattern: RegExp) => pattern.exec(shown)?.[1] ?? ''
  const http = address(/^ {2}http +(http:\S+)/m)
  const health = await fetch(`${http}/health`)
  assert.equal(health.status, 200)
  if (existsSync(join(repository, 'dashboard'))) {
    assert.match(await (await fetch(`${http}/`)).text(), /<script [^>]*src=/)
  }
  const mqtt = address(/^ {2}listens on +(mqtt:\S+)/m)
  assert.match(runs('publish', 'c', 'a message', '--url', mqtt).output, /1 acknowledged/)
  assert.match(runs('tail', 'c', '--from', 'earliest', '--url', http).output, /a message/)
  assert.equal(runs('status', '--url', http).code, 0)
  if (canStartItself) {
    const query = runs('query', 'SELECT 1', '--url', http)
    assert.equal(query.code, 1)
    assert.match(query.output, /DuckDB, which the single executable does not have/)
  }

  connector.kill('SIGTERM')
  const [code] = await once(connector, 'exit')
  assert.equal(code, 0)
}

test('the single executable runs without Node, takes a message, and says that it has no DuckDB', {
  skip,
}, async (t) => {
  await takesMessage(t, [built('first', arch())])
})

test('the same sources make the same executable, byte for byte', { skip }, () => {
  assert.equal(sha256(built('second', arch())), sha256(built('first', arch())))
})

test('the executable for arm64 runs on an emulated processor and takes a message', {
  skip: withoutArm(),
}, async (t) => {
  const command = [commandOf('qemu-aarch64'), '-L', ARM_LIBRARIES, built('first', 'arm64')]

  await takesMessage(t, command, false)
})
