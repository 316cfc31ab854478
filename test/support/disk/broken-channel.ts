/** Two channels on a simulated disk, one of which has files that fail. */
import { JournalTrial } from './journal-trial.ts'
import type { Operation } from './simulated-disk.ts'

export const BROKEN = '/data/channels/broken'

export interface FailingCall {
  readonly operation: Operation
  /** The end of the path. */
  readonly path: string
  readonly code: string
}

/** Each keeps the channel from being opened. */
export const FAILING_CALLS: readonly FailingCall[] = [
  { operation: 'list', path: BROKEN, code: 'EACCES' },
  { operation: 'open', path: '.log', code: 'EIO' },
  { operation: 'open', path: '.log', code: 'EPERM' },
  { operation: 'open', path: 'cursors', code: 'EISDIR' },
  { operation: 'read', path: 'cursors', code: 'EIO' },
  { operation: 'sync', path: '.log', code: 'EIO' },
  { operation: 'remove', path: 'cursors.tmp', code: 'EISDIR' },
]

/** `broken` has messages in segments, and later ones in the journal alone. */
export async function crashedWithTwo(): Promise<JournalTrial> {
  const trial = new JournalTrial(7)
  await trial.open()
  trial.append('broken', 5)
  trial.append('fine', 5)
  await trial.commit()
  await trial.restart()
  trial.append('broken', 5)
  trial.append('fine', 5)
  await trial.commit()
  return trial
}

export function failing({ operation, path, code }: FailingCall) {
  return (asked: Operation, at: string) =>
    asked === operation && at.startsWith(BROKEN) && at.endsWith(path) ? code : undefined
}
