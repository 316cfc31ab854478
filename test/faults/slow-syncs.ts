/**
 * Loaded into the program with `--import`: after SIGUSR2 every sync, and every write that is durable
 * at once, takes `FAULTS_SYNC_MS` longer.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const SYNC_MS = Number(process.env['FAULTS_SYNC_MS'])
const { close, fdatasync, open, write } = fs
const durable = new Set<number>()
let isSlow = false
process.on('SIGUSR2', () => {
  isSlow = true
})

function late(call: () => void): void {
  if (isSlow) setTimeout(call, SYNC_MS)
  else call()
}

// The program uses these calls in one form each.
Object.assign(fs, {
  open(path: string, flags: number, mode: number, done: Callback) {
    open(path, flags, mode, (error, descriptor) => {
      if (error === null && (flags & fs.constants.O_DSYNC) !== 0) durable.add(descriptor)
      done(error, descriptor)
    })
  },
  close(descriptor: number, done: Callback) {
    durable.delete(descriptor)
    close(descriptor, done)
  },
  write(file: number, from: Buffer, start: number, length: number, at: number, done: Callback) {
    const now = () => write(file, from, start, length, at, done)
    if (durable.has(file)) late(now)
    else now()
  },
  fdatasync(descriptor: number, done: Callback) {
    late(() => fdatasync(descriptor, done))
  },
})
syncBuiltinESMExports()

type Callback = (error: Error | null, ...results: readonly unknown[]) => void

const handle = await fs.promises.open(process.execPath)
const handles: { sync(): Promise<void> } = Object.getPrototypeOf(handle)
await handle.close()
const { sync } = handles
handles.sync = async function slowSync() {
  await new Promise<void>((resolve) => late(resolve))
  await sync.call(this)
}
