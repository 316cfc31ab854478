/** Repairs what an inspection of pipelines' failures has found. No connector uses the directory. */
import { join } from 'node:path'
import { DirectoryLock } from '../../../../channels/disk/files/directory-lock.ts'
import { nodeFileLayer } from '../../../../channels/disk/files/node-file-layer.ts'
import { FAILURES_NAME } from '../failure-store.ts'
import { type FailureFinding, inspectFailures } from './inspect-failures.ts'

/** A finding and what was done about it, in one sentence. */
export interface FailureRepair {
  readonly finding: FailureFinding
  readonly done: string
}

/** @throws {ConnectorError} DirectoryLocked when a process uses the directory */
export async function repairFailures(directory: string): Promise<readonly FailureRepair[]> {
  const lock = new DirectoryLock(directory)
  await lock.acquire()
  try {
    const { findings } = await inspectFailures(directory)
    const leftovers = findings.filter(({ kind }) => kind === 'LeftOver')
    for (const { file } of leftovers) {
      await nodeFileLayer.remove(join(directory, FAILURES_NAME, file))
    }
    return leftovers.map((finding) => ({ finding, done: 'Removed it.' }))
  } finally {
    await lock.release()
  }
}
