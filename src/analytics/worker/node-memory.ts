/**
 * What the system counts as data of a Node process with one thread that does nothing. Newer versions
 * reserve half a gigabyte that they never use, and a limit must leave room for it.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const KIBIBYTE = 1024
const PROBE = `
const { readFileSync } = require('node:fs')
const { Worker } = require('node:worker_threads')
new Worker('setTimeout(() => {}, 1e6)', { eval: true }).once('online', () => {
  const status = readFileSync('/proc/self/status', 'utf8')
  process.stdout.write(/^VmData:\\s+(\\d+)/m.exec(status)[1])
  process.exit()
})
`
let found: Promise<number> | undefined

/** In bytes; 0 where the system does not tell. Looked at once. */
export function nodeDataBytes(): Promise<number> {
  found ??= promisify(execFile)(process.execPath, ['-e', PROBE], { env: {} }).then(
    ({ stdout }) => Number(stdout) * KIBIBYTE,
    () => 0,
  )
  return found
}
