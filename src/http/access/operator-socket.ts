/**
 * The operator's socket: a Unix socket in the data directory that only its owner may connect to.
 * The file's permissions are the login. It is made in a private directory and moved into its place
 * when its mode is right, so that no other user can connect in between:
 *
 *     <data>/.operator/s ── chmod 600 ──▶ <data>/operator.sock
 *
 * The caller holds the lock of the data directory, so a socket that is there is a dead one's.
 */
import { chmod, mkdir, rename, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { messageOf, systemCodeOf, writeReasonOf } from '../../errors.ts'

export const OPERATOR_SOCKET = 'operator.sock'
/** Its paths are not longer than that of the socket itself. */
const PRIVATE_DIRECTORY = '.operator'
const DIRECTORY_MODE = 0o700
const SOCKET_MODE = 0o600
/** Bytes of `sun_path` without the final zero: 108 on Linux, 104 elsewhere. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103

export function operatorSocketPath(directory: string): string {
  return join(directory, OPERATOR_SOCKET)
}

export class OperatorSocket {
  readonly #directory: string
  readonly #server: Server
  readonly #connections = new WeakSet<Socket>()
  #isOpen = false

  /** The server is not listening yet. */
  constructor(directory: string, server: Server) {
    this.#directory = directory
    this.#server = server
  }

  get path(): string {
    return operatorSocketPath(this.#directory)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether it is a connection of this socket. */
  has(socket: Socket): boolean {
    return this.#connections.has(socket)
  }

  /** Never rejects: a sentence says why there is no socket, and what to do. */
  async open(): Promise<string | undefined> {
    // Windows has no Unix sockets; its users have tokens.
    if (process.platform === 'win32') return undefined
    const bytes = Buffer.byteLength(this.path)
    if (bytes > MAX_PATH_BYTES) {
      return withoutSocket(
        `the path ${this.path} has ${bytes} bytes, and a socket’s path may have ${MAX_PATH_BYTES}`,
        'Set storage.directory to a shorter path',
      )
    }
    try {
      await this.#listen()
      return undefined
    } catch (thrown) {
      const reason = systemCodeOf(thrown) === undefined ? messageOf(thrown) : writeReasonOf(thrown)
      await this.close()
      return withoutSocket(
        `${this.path} can’t be made: ${reason}`,
        'Use a file system with Unix sockets',
      )
    }
  }

  /** Ends its requests, and removes the file. */
  async close(): Promise<void> {
    const wasOpen = this.#isOpen
    this.#isOpen = false
    if (this.#server.listening) {
      const closed = new Promise((resolve) => this.#server.close(resolve))
      this.#server.closeAllConnections()
      await closed
    }
    // What can't be removed is replaced by the next start.
    if (wasOpen) await rm(this.path, { force: true }).catch(() => {})
    await this.#removePrivateDirectory().catch(() => {})
  }

  async #listen(): Promise<void> {
    await this.#removePrivateDirectory()
    const directory = join(this.#directory, PRIVATE_DIRECTORY)
    await mkdir(directory, { mode: DIRECTORY_MODE })
    const path = join(directory, 's')
    // Before any other listener: a request is recognised by its connection.
    this.#server.prependListener('connection', (socket) => this.#connections.add(socket))
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    // A socket alone does not keep the process alive.
    this.#server.unref()
    await chmod(path, SOCKET_MODE)
    await rename(path, this.path)
    this.#isOpen = true
    await this.#removePrivateDirectory()
  }

  #removePrivateDirectory(): Promise<void> {
    return rm(join(this.#directory, PRIVATE_DIRECTORY), { recursive: true, force: true })
  }
}

function withoutSocket(reason: string, advice: string): string {
  return (
    `There is no operator’s socket: ${reason}. Commands on this machine use HTTP, and need a token ` +
    `to replay and to retry. ${advice}, or set http.tokens.`
  )
}
