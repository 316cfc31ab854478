/** Where a query keeps what does not fit into memory; removed with the query, or by a later one. */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PREFIX = 'iot-analytics-query-'
let count = 0

/** Only its owner can read it: it has parts of messages. */
export async function makeTemporaryDirectory(parent = tmpdir()): Promise<string> {
  await removeAbandoned(parent)
  count++
  const directory = join(parent, `${PREFIX}${process.pid}-${count}`)
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { mode: 0o700 })
  return directory
}

/** Those of processes that were killed. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(PREFIX) || isRunning(pidIn(name))) continue
    // Another user's can't be removed, and need not be.
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => {})
  }
}

function pidIn(name: string): number {
  return Number.parseInt(name.slice(PREFIX.length), 10)
}

function isRunning(pid: number): boolean {
  try {
    // 0 would mean this process's group.
    return pid > 0 && process.kill(pid, 0)
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM'
  }
}
