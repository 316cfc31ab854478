/**
 * The few operations that the disk log needs of a file system, so that tests can replace it by a
 * disk that tears and loses writes, fills up and fails.
 *
 * Callers may rely on what POSIX guarantees and no more: a write is durable after `sync` of its
 * file, and a name (created, renamed, removed) after `syncDirectory` of its directory. Everything
 * rejects with a Node system error (`code` is `ENOSPC`, `EIO`, …).
 */
export interface FileLayer {
  /** Creates the directory and its parents if they are missing; they are durable at once. */
  makeDirectory(path: string): Promise<void>
  /**
   * Files and directories in a directory, in no order; empty if it does not exist. Links, pipes,
   * sockets and devices are left out.
   */
  list(path: string): Promise<readonly DirectoryEntry[]>
  open(path: string, mode: OpenMode): Promise<OpenFile>
  /** Replaces `to` if it exists. */
  rename(from: string, to: string): Promise<void>
  /** Succeeds also if there is no such file. */
  remove(path: string): Promise<void>
  syncDirectory(path: string): Promise<void>
}

/**
 * `replace` creates or empties a file; `edit` reads and writes an existing one. `durable` does as
 * well, and each of its writes is durable when it resolves; a write fails with ENOENT if the file's
 * name no longer leads to the file.
 */
export type OpenMode = 'replace' | 'edit' | 'durable' | 'read'

export interface DirectoryEntry {
  readonly name: string
  readonly isDirectory: boolean
  /** 0 for a directory. */
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly modifiedAt: number
}

export interface OpenFile {
  /** Writes `bytes[start, end)` at `position`; resolves when all of it is written. */
  write(bytes: Buffer, start: number, end: number, position: number): Promise<void>
  /** Fills `into[0, length)` from `position`; returns fewer bytes only at the file's end. */
  read(into: Buffer, length: number, position: number): Promise<number>
  /**
   * Makes contents and length durable (`fdatasync`). Fails with ENOENT if the file's name no longer
   * leads to the file, because nobody would find its contents again.
   */
  sync(): Promise<void>
  truncate(bytes: number): Promise<void>
  bytes(): Promise<number>
  close(): Promise<void>
}
