/**
 * The real file system behind `FileLayer`. A commit uses plain `node:fs` callbacks, which are a few
 * microseconds per call faster than `FileHandle`. Files and directories are for their owner alone.
 * Nothing but regular files is opened: a link could lead a write anywhere, and a pipe blocks.
 */
import * as fs from 'node:fs'
import { lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { systemCodeOf } from '../../../errors.ts'
import type { DirectoryEntry, FileLayer, OpenFile, OpenMode } from './file-layer.ts'
import { DIRECTORY_MODE, FILE_MODE, SAFE_OPEN } from './safe-open.ts'

const { O_CREAT, O_DSYNC, O_RDONLY, O_RDWR, O_TRUNC } = fs.constants
const FLAGS: Record<OpenMode, number> = {
  replace: O_RDWR | O_CREAT | O_TRUNC | SAFE_OPEN,
  edit: O_RDWR | SAFE_OPEN,
  durable: O_RDWR | O_DSYNC | SAFE_OPEN,
  read: O_RDONLY | SAFE_OPEN,
}

export const nodeFileLayer: FileLayer = {
  // Not mkdir's own `recursive`, which never returns if a parent answers ENOENT, as in /proc.
  async makeDirectory(path) {
    await expectNoLink(path)
    const missing: string[] = []
    for (let at = resolve(path); !(await isDirectory(at)); at = dirname(at)) missing.push(at)
    for (const directory of missing.reverse()) {
      await mkdir(directory, DIRECTORY_MODE).catch((error: unknown) => {
        // Another process was quicker.
        if (systemCodeOf(error) !== 'EEXIST') throw error
      })
      await this.syncDirectory(dirname(directory))
    }
    if (missing.length > 0 && !(await isDirectory(path)))
      throw notADirectory(path, 'something else')
  },

  async list(path) {
    const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return []
      throw error
    })
    const found = await Promise.all(
      entries
        .filter((entry) => entry.isDirectory() || entry.isFile())
        .map((entry) => describe(path, entry.name, entry.isDirectory())),
    )
    return found.filter((entry) => entry !== undefined)
  },

  open(path, mode) {
    return new Promise((resolve, reject) => {
      fs.open(path, FLAGS[mode], FILE_MODE, (error, descriptor) => {
        if (error !== null) {
          reject(error)
          return
        }
        try {
          const found = fs.fstatSync(descriptor)
          if (!found.isFile()) throw notAFile(path)
          resolve(new NodeFile(descriptor, path, found.ino, mode === 'durable'))
        } catch (failure) {
          fs.close(descriptor, () => reject(failure))
        }
      })
    })
  },

  rename,

  async remove(path) {
    await rm(path, { force: true })
  },

  async syncDirectory(path) {
    const directory = await open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },
}

/** Undefined if it was removed since it was listed. */
async function describe(
  directory: string,
  name: string,
  isDirectory: boolean,
): Promise<DirectoryEntry | undefined> {
  if (isDirectory) return { name, isDirectory, bytes: 0, modifiedAt: 0 }
  try {
    const found = await lstat(join(directory, name))
    return { name, isDirectory, bytes: found.size, modifiedAt: found.mtimeMs }
  } catch {
    return undefined
  }
}

class NodeFile implements OpenFile {
  readonly #descriptor: number
  readonly #path: string
  readonly #inode: number
  readonly #isDurable: boolean

  constructor(descriptor: number, path: string, inode: number, isDurable: boolean) {
    this.#descriptor = descriptor
    this.#path = path
    this.#inode = inode
    this.#isDurable = isDurable
  }

  write(bytes: Buffer, start: number, end: number, position: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (from: number) => {
        const to = position + from - start
        fs.write(this.#descriptor, bytes, from, end - from, to, (error, written) => {
          if (error !== null) reject(error)
          else if (from + written < end) step(from + written)
          else this.#written(resolve, reject)
        })
      }
      step(start)
    })
  }

  read(into: Buffer, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const step = (done: number) => {
        const at = position + done
        fs.read(this.#descriptor, into, done, length - done, at, (error, count) => {
          if (error !== null) reject(error)
          else if (count === 0 || done + count >= length) resolve(done + count)
          else step(done + count)
        })
      }
      step(0)
    })
  }

  async sync(): Promise<void> {
    await this.#call((done) => fs.fdatasync(this.#descriptor, done))
    const fault = this.#faultOfPlace()
    if (fault !== undefined) throw fault
  }

  truncate(bytes: number): Promise<void> {
    return this.#call((done) => fs.ftruncate(this.#descriptor, bytes, done))
  }

  bytes(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#descriptor, (error, found) => {
        if (error === null) resolve(found.size)
        else reject(error)
      })
    })
  }

  close(): Promise<void> {
    return this.#call((done) => fs.close(this.#descriptor, done))
  }

  #written(resolve: () => void, reject: (error: unknown) => void): void {
    const fault = this.#isDurable ? this.#faultOfPlace() : undefined
    if (fault === undefined) resolve()
    else reject(fault)
  }

  /**
   * Why the file is not in its place, or can't be looked for there; never throws. The kernel answers
   * from its cache in a few microseconds; the thread pool would cost more.
   */
  #faultOfPlace(): unknown {
    try {
      const found = fs.lstatSync(this.#path, { throwIfNoEntry: false })
      return found?.ino === this.#inode ? undefined : this.#misplaced()
    } catch (error) {
      return error
    }
  }

  #misplaced(): Error {
    const message = `ENOENT: the file was removed or moved while it was in use, ${this.#path}`
    return Object.assign(new Error(message), { code: 'ENOENT' })
  }

  #call(start: (done: fs.NoParamCallback) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      start((error) => {
        if (error === null || error === undefined) resolve()
        else reject(error)
      })
    })
  }
}

/**
 * Links above `path` are the choice of the user who named the data directory.
 * @throws a system error if `path` itself is one
 */
async function expectNoLink(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isSymbolicLink() !== true) return
  throw notADirectory(path, 'a symbolic link, which is not followed')
}

function notADirectory(path: string, found: string): Error {
  const message = `ENOTDIR: expected a directory, found ${found}, ${path}`
  return Object.assign(new Error(message), { code: 'ENOTDIR' })
}

function notAFile(path: string): Error {
  const message = `EINVAL: expected a regular file, found something else, ${path}`
  return Object.assign(new Error(message), { code: 'EINVAL' })
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    throw error
  }
}
