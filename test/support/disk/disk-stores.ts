/** Disk log stores for tests: in a temporary directory, or on a simulated disk. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  DiskLogStore,
  type DiskLogStoreOptions,
} from '../../../src/channels/disk/disk-log-store.ts'
import { MemoryBudget } from '../../../src/channels/log/memory-budget.ts'
import { systemClock } from '../../../src/clock.ts'
import { silentObserver } from '../../../src/observer.ts'

export const MEBIBYTE = 1024 * 1024

/** A store that is not open yet. */
export function diskStore(change: Partial<DiskLogStoreOptions> = {}): DiskLogStore {
  return new DiskLogStore({
    directory: '/data',
    maxBytes: 64 * MEBIBYTE,
    segmentBytes: MEBIBYTE,
    segmentMaxAgeMs: 86_400_000,
    historyBytes: 0,
    budget: new MemoryBudget(16 * MEBIBYTE),
    clock: systemClock,
    observer: silentObserver,
    ...change,
  })
}

/** A directory that is removed after the test. */
export async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'disk-log-'))
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))
  return directory
}
