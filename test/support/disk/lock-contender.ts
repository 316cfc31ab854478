/** A process that takes a directory's lock when it reads a line, reports it, and keeps the lock. */
import { once } from 'node:events'
import { DirectoryLock } from '../../../src/channels/disk/files/directory-lock.ts'

const lock = new DirectoryLock(process.argv[2] ?? '')
process.stdout.write('ready\n')
await once(process.stdin, 'data')
try {
  await lock.acquire()
  process.stdout.write('held\n')
} catch (error) {
  process.stdout.write(`${error instanceof Error && 'code' in error ? error.code : error}\n`)
}
