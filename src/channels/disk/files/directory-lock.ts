/**
 * Keeps two processes of one machine from using the same data directory. The lock does not outlive
 * its owner.
 *
 *     <dir>/lock.<n>       JSON: the process that holds it. Only the highest n counts.
 *     <dir>/lock.….sock    accepts connections while the owner lives, see lock-socket.ts
 *     <dir>/lock.spare     room for the next lock, for a start on a full disk
 *
 * A lock is stale if its owner has released it or has ended. The pid may belong to another process
 * by now, so boot id and start time are compared too; if the owner is in another pid namespace, its
 * socket is tried.
 *
 * A copy of a directory that is in use brings the owner's lock along. The lock names the inode of
 * the directory it was made for, so in a copy it is stale, unless the owner's socket answers there.
 *
 * A stale lock.<n> is never removed; a higher number replaces it. The process that creates
 * lock.<n+1> (as a hard link, so that it appears with its contents and only once) holds the
 * directory, and then removes the lower ones. Because the highest one is never removed, a slow
 * process that creates a lower number always sees a higher one afterwards, and gives up.
 */
import { constants } from 'node:fs'
import { link, open, readdir, readFile, readlink, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { ConnectorError, systemCodeOf } from '../../../errors.ts'
import { isAnswered, LockSocket } from './lock-socket.ts'
import { FILE_MODE, SAFE_OPEN } from './safe-open.ts'

const NAME = /^lock\.(\d{1,15})$/
const HIGHEST = 999_999_999_999_999
/** The only names that a lock may give to its socket: it is a name in the directory, not a path. */
const SOCKET_NAME = /^lock\.[\w.]{1,64}\.sock$/
/** A lock has about 300 bytes. A longer file is none. */
const MAX_LOCK_BYTES = 4096
/** Written while there is room; its block becomes the lock when there is none. */
const SPARE_NAME = 'lock.spare'
const SPARE_BYTES = 512

/** The process that holds a directory. */
export interface LockHolder {
  readonly pid: number
  readonly host: string
}

interface Owner extends LockHolder {
  /** Clock ticks since boot, from /proc/<pid>/stat. */
  readonly startedAt: string
  readonly bootId: string
  readonly pidNamespace: string
  /** The inode of the directory that it locks; undefined in locks of earlier versions. */
  readonly inode?: string | undefined
  /** Name of the socket; undefined if the file system has none. */
  readonly socket?: string | undefined
  readonly isReleased: boolean
}

export class DirectoryLock {
  readonly #directory: string
  #held: { path: string; owner: Owner } | undefined
  #socket: LockSocket | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  /** @throws {ConnectorError} DirectoryLocked, naming the process that uses the directory */
  async acquire(): Promise<void> {
    const name = `lock.${process.pid}.${process.hrtime.bigint()}.sock`
    this.#socket = new LockSocket(this.#directory, name)
    const hasSocket = await this.#socket.listen()
    const owner = await thisProcess(this.#directory, hasSocket ? name : undefined)
    try {
      while (!(await this.#tryAcquire(owner))) {
        // Another process was quicker: find out whether it is alive.
      }
    } catch (error) {
      await this.#socket.close()
      throw error
    }
  }

  async release(): Promise<void> {
    const held = this.#held
    this.#held = undefined
    if (held === undefined) return
    const released = JSON.stringify({ ...held.owner, isReleased: true })
    await writeSafely(held.path, released).catch(() => undefined)
    await this.#socket?.close()
  }

  /** The process that holds the directory now; undefined if it is free. Does not take it. */
  async holder(): Promise<LockHolder | undefined> {
    return this.#holder(await this.#highest(), await thisProcess(this.#directory, undefined))
  }

  async #holder(number: number, self: Owner): Promise<Owner | undefined> {
    const holder = await readOwner(join(this.#directory, `lock.${number}`))
    return holder !== undefined && (await this.#isAlive(holder, self)) ? holder : undefined
  }

  async #tryAcquire(owner: Owner): Promise<boolean> {
    const highest = await this.#highest()
    const holder = await this.#holder(highest, owner)
    if (holder !== undefined) {
      throw new ConnectorError(
        'DirectoryLocked',
        `expected ${this.#directory} to be free, but process ${holder.pid} on ${holder.host} uses it`,
      )
    }
    if (highest >= HIGHEST) {
      const path = join(this.#directory, `lock.${highest}`)
      throw new ConnectorError('DirectoryLocked', `expected a lower number in ${path}: remove it`)
    }
    return this.#create(highest + 1, owner)
  }

  async #isAlive(holder: Owner, self: Owner): Promise<boolean> {
    if (holder.isReleased || holder.bootId !== self.bootId) return false
    if (holder.inode !== undefined && holder.inode !== self.inode) {
      return holder.socket !== undefined && (await isAnswered(this.#directory, holder.socket))
    }
    if (holder.pidNamespace !== self.pidNamespace) {
      return holder.socket === undefined || (await isAnswered(this.#directory, holder.socket))
    }
    return isRunning(holder)
  }

  /** False if another process was quicker. */
  async #create(number: number, owner: Owner): Promise<boolean> {
    const path = join(this.#directory, `lock.${number}`)
    const draft = join(this.#directory, `lock.draft.${owner.pid}.${process.hrtime.bigint()}`)
    try {
      await this.#write(draft, JSON.stringify({ ...owner, isReleased: false }))
      await link(draft, path)
    } catch (error) {
      if (systemCodeOf(error) === 'EEXIST') return false
      throw error
    } finally {
      await rm(draft, { force: true })
    }
    if ((await this.#highest()) > number) {
      await rm(path, { force: true })
      return false
    }
    this.#held = { path, owner }
    for (const lower of await this.#numbers()) {
      if (lower < number) await this.#clear(join(this.#directory, `lock.${lower}`))
    }
    await writeSafely(this.#sparePath, ' '.repeat(SPARE_BYTES)).catch(() => undefined)
    return true
  }

  get #sparePath(): string {
    return join(this.#directory, SPARE_NAME)
  }

  async #write(path: string, text: string): Promise<void> {
    try {
      await writeSafely(path, text)
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOSPC') throw error
      // Overwrites in place, so that the file system need not find a block. JSON may end in spaces.
      await rename(this.#sparePath, path)
      const spare = await open(path, constants.O_RDWR | SAFE_OPEN)
      try {
        await spare.write(text.padEnd(SPARE_BYTES), 0)
      } finally {
        await spare.close()
      }
    }
  }

  /**
   * Removes a lower lock and the socket that its owner left behind. One that can't be removed, such
   * as a directory of that name, does no harm: only the highest number counts.
   */
  async #clear(path: string): Promise<void> {
    const socket = (await readOwner(path))?.socket
    try {
      if (socket !== undefined) await rm(join(this.#directory, socket), { force: true })
      await rm(path, { force: true })
    } catch {
      // The next start tries again.
    }
  }

  async #highest(): Promise<number> {
    let highest = 0
    for (const number of await this.#numbers()) highest = Math.max(highest, number)
    return highest
  }

  async #numbers(): Promise<number[]> {
    const names = await readdir(this.#directory)
    return names.flatMap((name) => {
      const digits = NAME.exec(name)?.[1]
      return digits === undefined ? [] : [Number(digits)]
    })
  }
}

async function thisProcess(directory: string, socket: string | undefined): Promise<Owner> {
  const { ino } = await stat(directory, { bigint: true })
  return {
    pid: process.pid,
    inode: String(ino),
    startedAt: (await startOf('self')) ?? '',
    bootId: await readFile('/proc/sys/kernel/random/boot_id', 'latin1').then(
      (text) => text.trim(),
      () => '',
    ),
    pidNamespace: await readlink('/proc/self/ns/pid').catch(() => ''),
    host: hostname(),
    socket,
    isReleased: false,
  }
}

/** Field 22 of /proc/<pid>/stat, counted from the end of field 2, which may contain anything. */
async function startOf(pid: string): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

/** Creates or replaces the file, with the owner's permissions alone; follows no link. */
async function writeSafely(path: string, text: string): Promise<void> {
  const { O_CREAT, O_TRUNC, O_WRONLY } = constants
  const file = await open(path, O_WRONLY | O_CREAT | O_TRUNC | SAFE_OPEN, FILE_MODE)
  try {
    await file.writeFile(text)
  } finally {
    await file.close()
  }
}

/** Undefined if it can't be read, because a power failure cut its writing short. */
async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    const value: unknown = JSON.parse(await readText(path))
    return isOwner(value) ? value : undefined
  } catch {
    return undefined
  }
}

async function readText(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | SAFE_OPEN)
  try {
    const { bytesRead, buffer } = await file.read(
      Buffer.alloc(MAX_LOCK_BYTES),
      0,
      MAX_LOCK_BYTES,
      0,
    )
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

function isOwner(value: unknown): value is Owner {
  if (typeof value !== 'object' || value === null) return false
  const owner = value as Partial<Record<keyof Owner, unknown>>
  const { pid, inode, socket } = owner
  return (
    Number.isSafeInteger(pid) &&
    [owner.host, owner.startedAt, owner.bootId, owner.pidNamespace].every(isText) &&
    typeof owner.isReleased === 'boolean' &&
    (inode === undefined || isText(inode)) &&
    (socket === undefined || (isText(socket) && SOCKET_NAME.test(socket)))
  )
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

async function isRunning(holder: Owner): Promise<boolean> {
  if (holder.startedAt !== '') return (await startOf(String(holder.pid))) === holder.startedAt
  try {
    process.kill(holder.pid, 0)
    return true
  } catch (error) {
    return systemCodeOf(error) === 'EPERM'
  }
}
