/**
 * A Unix socket that accepts connections as long as its process lives. It works across pid
 * namespaces (a second container on the same volume), where a pid says nothing. The kernel closes
 * it with the process, however that ends.
 */
import { chmod, type FileHandle, open } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { systemCodeOf } from '../../../errors.ts'
import { FILE_MODE } from './safe-open.ts'

export class LockSocket {
  readonly #directory: string
  readonly #name: string
  #handle: FileHandle | undefined
  #server: Server | undefined

  constructor(directory: string, name: string) {
    this.#directory = directory
    this.#name = name
  }

  /** False if the file system has no sockets. */
  async listen(): Promise<boolean> {
    this.#handle = await open(this.#directory, 'r')
    const path = socketPath(this.#handle, this.#name)
    const server = createServer((connection) => connection.destroy())
    const isListening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(path, () => resolve(true))
    })
    server.unref()
    if (!isListening) {
      await this.close()
      return false
    }
    this.#server = server
    // The umask alone decides how a socket is created.
    await chmod(path, FILE_MODE)
    return true
  }

  /** Also removes the socket's file. */
  async close(): Promise<void> {
    const server = this.#server
    const handle = this.#handle
    this.#server = undefined
    this.#handle = undefined
    if (server !== undefined) await new Promise((resolve) => server.close(resolve))
    await handle?.close()
  }
}

/** Whether a process listens on the socket. */
export async function isAnswered(directory: string, name: string): Promise<boolean> {
  const handle = await open(directory, 'r')
  try {
    return await new Promise<boolean>((resolve) => {
      const connection = connect(socketPath(handle, name))
      // Another user's socket can't be tried, and may be in use.
      connection.once('error', (error) => resolve(systemCodeOf(error) === 'EACCES'))
      connection.once('connect', () => {
        resolve(true)
        connection.destroy()
      })
    })
  } finally {
    await handle.close()
  }
}

/** Uses the directory's descriptor, because a socket's path may have 107 bytes at most. */
function socketPath(directory: FileHandle, name: string): string {
  return `/proc/self/fd/${directory.fd}/${name}`
}
