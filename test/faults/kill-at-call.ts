/** Kills this process at a call that changes the file system. */
import fs from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

/** The functions that every write of the jobs goes through; DuckDB's own writes are not among them. */
export function killAtCall(at: number): void {
  let calls = 0
  const counted = <Args extends unknown[], Result>(original: (...args: Args) => Result) => {
    return (...args: Args): Result => {
      calls++
      if (calls === at) process.kill(process.pid, 'SIGKILL')
      return original(...args)
    }
  }
  const { chmod, mkdir, rename, rm, rmdir } = promises
  Object.assign(promises, {
    chmod: counted(chmod),
    mkdir: counted(mkdir),
    rename: counted(rename),
    rm: counted(rm),
    rmdir: counted(rmdir),
  })
  const { fdatasync, write } = fs
  Object.assign(fs, { fdatasync: counted(fdatasync), write: counted(write) })
  syncBuiltinESMExports()
}
