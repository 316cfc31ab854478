/**
 * Makes the disk of a process slow, from SIGUSR2 on: each sync, and each write that is durable at
 * once, takes SLOW_SYNC_MS longer, four at a time, as in the thread pool of Node. To be loaded with
 * `--import`.
 */
import fs from 'node:fs'
import { open } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const AT_A_TIME = 4
const delayMs = Number(process.env['SLOW_SYNC_MS'])
let isSlow = false
let free = AT_A_TIME
const waiting: (() => void)[] = []

process.on('SIGUSR2', () => {
  isSlow = true
  process.stdout.write('syncs are slow\n')
})

function later(call: () => void): void {
  if (!isSlow) call()
  else if (free === 0) waiting.push(() => later(call))
  else {
    free--
    setTimeout(() => {
      free++
      call()
      waiting.shift()?.()
    }, delayMs)
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the functions have many overloads.
type Any = any
const real = { open: fs.open as Any, write: fs.write as Any, fdatasync: fs.fdatasync as Any }
const durable = new Set<number>()

Object.assign(fs, {
  open(path: Any, flags: Any, mode: Any, done: Any) {
    real.open(path, flags, mode, (error: Any, descriptor: number) => {
      if (typeof flags === 'number' && (flags & fs.constants.O_DSYNC) !== 0) durable.add(descriptor)
      else durable.delete(descriptor)
      done(error, descriptor)
    })
  },
  write(descriptor: number, ...rest: Any[]) {
    if (durable.has(descriptor)) later(() => real.write(descriptor, ...rest))
    else real.write(descriptor, ...rest)
  },
  fdatasync(...all: Any[]) {
    later(() => real.fdatasync(...all))
  },
})
syncBuiltinESMExports()

const handle = await open(import.meta.filename, 'r')
const prototype = Object.getPrototypeOf(handle)
await handle.close()
const realSync = prototype.sync
prototype.sync = function sync(): Promise<void> {
  return new Promise((resolve, reject) => {
    later(() => void realSync.call(this).then(resolve, reject))
  })
}
