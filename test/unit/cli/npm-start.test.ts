/** `npm start` as the service manager of a machine or a container stops it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from '../../support/disk/disk-stores.ts'
import { until } from '../../support/until.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..', '..')
const PROGRAM = `
process.on('SIGTERM', () => {
  console.log('stopped gracefully')
  process.exit(0)
})
setInterval(() => {}, 1_000)
console.log('started')
`

test('SIGTERM to npm start reaches the program, which stops gracefully', async (t) => {
  const directory = await temporaryDirectory(t)
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const stub = { name: 'stub', version: '1.0.0', scripts: { start: scripts.start } }
  await writeFile(join(directory, 'package.json'), JSON.stringify(stub))
  await mkdir(join(directory, 'dist', 'program'), { recursive: true })
  await writeFile(join(directory, 'dist', 'program', 'main.js'), PROGRAM)
  const child = spawn('npm', ['start', '--no-update-notifier'], { cwd: directory, detached: true })
  t.after(() => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch {
      // All of it has ended.
    }
  })
  let output = ''
  child.stdout.on('data', (text) => {
    output += text
  })
  await until('the program has started', () => output.includes('started'))

  child.kill('SIGTERM')
  await once(child, 'close')

  assert.match(output, /stopped gracefully/)
})
