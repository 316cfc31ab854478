/** A file of tests that takes too long is killed. What it has started must not go on. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'

const WATCH = join(import.meta.dirname, 'ends-with-parent.js')
/** Starts a program that has its output, and says that it runs. */
const PARENT = `
const { spawn } = require('node:child_process')
const program = 'console.log("runs"); setInterval(() => {}, 1_000)'
spawn(process.execPath, ['--import', process.argv[1], '-e', program], {
  stdio: ['ignore', 'inherit', 'ignore'],
  env: { ...process.env, FAULTS_PARENT: String(process.pid) },
})
setInterval(() => {}, 1_000)`

test('a program ends when the process that started it is killed', async (t) => {
  const parent = spawn(process.execPath, ['-e', PARENT, WATCH])
  t.after(() => parent.kill('SIGKILL'))
  const [output] = await once(parent.stdout, 'data')
  assert.equal(String(output), 'runs\n')

  parent.kill('SIGKILL')

  // Both have this pipe.
  await once(parent.stdout, 'close')
})
