/** `passwd`: the file of users, made and kept. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parsePasswordFile } from '../../../src/sources/mqtt-server/access/password-file.ts'
import { isPassword } from '../../../src/sources/mqtt-server/access/password-hash.ts'
import { runCommand } from '../../support/processes/command-line.ts'
import { commandOf, skipWithout } from '../../support/processes/real-peers.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

async function fileFor(t: TestContext): Promise<string> {
  return join(await temporaryDirectory(t), 'users')
}

async function fits(file: string, name: string, password: string): Promise<boolean> {
  const known = parsePasswordFile(readFileSync(file, 'utf8')).get(name)
  return known !== undefined && isPassword(Buffer.from(password), known)
}

test('a password from standard input makes the file, for its owner alone', async (t) => {
  const file = await fileFor(t)

  const { code, stdout, stderr } = await runCommand(t, ['passwd', file, 'pump-1'], {
    input: 'p$s:w ört\n',
  })

  assert.deepEqual(
    { code, stderr, stdout },
    { code: 0, stderr: '', stdout: `${file}: user pump-1 set\n` },
  )
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert(await fits(file, 'pump-1', 'p$s:w ört'))
  assert.deepEqual(readdirSync(dirname(file)), ['users'])
})

test('other users and comments stay as they are when one is changed or deleted', async (t) => {
  const file = await fileFor(t)
  for (const name of ['a', 'b', 'c']) await runCommand(t, ['passwd', file, name], { input: name })
  writeFileSync(file, `# pumps\n\n${readFileSync(file, 'utf8')}`)
  const before = readFileSync(file, 'utf8').split('\n')

  await runCommand(t, ['passwd', file, 'b'], { input: 'new' })
  const deleted = await runCommand(t, ['passwd', file, 'c', '--delete'])
  const again = await runCommand(t, ['passwd', file, 'c', '--delete'])

  const after = readFileSync(file, 'utf8').split('\n')
  assert.deepEqual(after.slice(0, 3), before.slice(0, 3))
  assert.deepEqual(after.length, 5)
  assert(await fits(file, 'b', 'new'))
  assert.equal(deleted.code, 0)
  assert.equal(again.code, 2)
  assert.match(again.stderr, /has no user c/)
})

test('names, passwords and files that can’t be are refused, and nothing is written', async (t) => {
  const file = await fileFor(t)
  const other = join(await temporaryDirectory(t), 'other')
  writeFileSync(other, 'pump-1:hunter2\n')

  const colon = await runCommand(t, ['passwd', file, 'a:b'], { input: 'x' })
  const empty = await runCommand(t, ['passwd', file, 'a'], { input: '\n' })
  const foreign = await runCommand(t, ['passwd', other, 'a'], { input: 'x' })

  assert.deepEqual([colon.code, empty.code, foreign.code], [2, 2, 2])
  assert.match(colon.stderr, /no colon/)
  assert.match(empty.stderr, /the password is empty/)
  assert.match(foreign.stderr, /line 1: the password hash was not written by the passwd command/)
  assert(!foreign.stderr.includes('hunter2'))
  assert.deepEqual(readdirSync(dirname(file)), [])
  assert.equal(readFileSync(other, 'utf8'), 'pump-1:hunter2\n')
})

/** Runs the command in a terminal and types when it asks; prints what the terminal showed. */
const TERMINAL = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:-2])
shown = b''
for question, answer in ((b'Password for', sys.argv[-2]), (b'Again', sys.argv[-1])):
    while question not in shown:
        shown += os.read(terminal, 1024)
    os.write(terminal, answer.encode())
try:
    while True:
        data = os.read(terminal, 1024)
        if not data: break
        shown += data
except OSError:
    pass
print(shown.decode(), end='')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`

test('on a terminal it asks twice and shows nothing of what is typed', {
  skip: skipWithout('paho'),
}, async (t) => {
  const { spawnSync } = await import('node:child_process')
  const file = await fileFor(t)
  const main = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.js')
  const type = (first: string, second: string) =>
    spawnSync(
      commandOf('paho'),
      ['-c', TERMINAL, process.execPath, main, 'passwd', file, 'pump-1', first, second],
      { encoding: 'utf8', timeout: 20_000 },
    )

  const different = type('secret\r', 'sekret\r')
  const typed = type('secrex\u007ft\r', 'secret\r')
  const stopped = type('sec\u0003', '')

  assert.equal(different.status, 2)
  assert.match(different.stdout, /the two passwords differ/)
  assert.equal(typed.status, 0, typed.stdout + typed.stderr)
  assert(!typed.stdout.includes('sec'))
  assert.notEqual(stopped.status, 0)
  assert(await fits(file, 'pump-1', 'secret'))
})
