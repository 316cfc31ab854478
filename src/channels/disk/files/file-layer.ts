/**
 * The few things the disk log asks of a file system, so that tests can put a disk in its place
 * that tears, loses, fills up and fails.
 *
 * What a caller may rely on is what POSIX gives and no more: a write is durable after `sync` of its
 * file, a name (created, renamed, removed) after `syncDirectory` of its directory. Everything
 * rejects with a Node system error (`code` is `ENOSPC`, `EIO`, …).
 */
export interface FileLayer {
  /** Creates the directory and its parents where missing, durable at once. */
  makeDirectory(path: string): Promise<void>
  /** Entries of a directory in no order; none when it does not exist. */
  list(path: string): Promise<readonly DirectoryEntry[]>
  open(path: string, mode: OpenMode): Promise<OpenFile>
  /** Replaces `to` where it exists. */
  rename(from: string, to: string): Promise<void>
  /** Succeeds when there is no such file. */
  remove(path: string): Promise<void>
  syncDirectory(path: string): Promise<void>
}

/**
 * `replace` empties a file, `edit` reads and writes one. `durable` does as well, and each of its writes
 * is durable when it resolves; it fails with ENOENT when the file is no longer what is found by its name.
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
  /** Fills `into[0, length)` from `position`; the count is smaller only at the file's end. */
  read(into: Buffer, length: number, position: number): Promise<number>
  /**
   * Makes contents and length durable (`fdatasync`). Fails with ENOENT when the file is no longer
   * what is found by its name, for nobody would find again what is written to it.
   */
  sync(): Promise<void>
  truncate(bytes: number): Promise<void>
  bytes(): Promise<number>
  close(): Promise<void>
}
